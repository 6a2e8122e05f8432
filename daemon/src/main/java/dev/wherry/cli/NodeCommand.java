package dev.wherry.cli;

import com.fasterxml.jackson.databind.JsonNode;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code wherry node …}. */
@Command(name = "node", description = "Nodes: list, add, remove.")
final class NodeCommand extends Noun {
  @Command(name = "list", description = "The nodes that this one knows, itself first.")
  void list() {
    JsonNode all = root().client().call("GET", "/nodes", null);
    Table table = new Table("NAME", "LINK", "STATE", "REASON");
    for (JsonNode n : all) {
      table.row(
          n.path("name").asText(),
          n.path("link").asText(),
          n.path("state").asText(),
          n.path("reason").asText());
    }
    print(all, table::print);
  }

  @Command(
      name = "add",
      description = "Records another node, whether it can be reached now or not; see list.")
  void add(
      @Parameters(paramLabel = "NAME", description = "what it calls itself") String name,
      @Option(
              names = "--link",
              paramLabel = "HOST:PORT",
              required = true,
              description = "where its link listens")
          String link) {
    JsonNode node =
        root()
            .client()
            .call("POST", "/nodes", RestClient.object().put("name", name).put("link", link));
    String reason = node.path("reason").asText();
    print(
        node,
        out ->
            out.println(
                "node "
                    + node.path("name").asText()
                    + " is "
                    + node.path("state").asText()
                    + (reason.isEmpty() ? "" : ": " + reason)));
  }

  @Command(name = "remove", description = "Forgets a node that no volume needs.")
  void remove(@Parameters(paramLabel = "NAME") String name) {
    root().client().call("DELETE", "/nodes/" + segment(name, "a node's name", this::usage), null);
  }
}
