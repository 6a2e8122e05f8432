package dev.wherry.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.PrintWriter;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code wherry node …}. */
@Command(name = "node", description = "Nodes: list, add, remove.")
final class NodeCommand implements Runnable {
  @ParentCommand private @Nullable WherryCommand wherry;
  @Spec private @Nullable CommandSpec spec;

  @Override
  public void run() {
    throw usage("a verb is missing");
  }

  @Command(name = "list", description = "The nodes that this one knows, itself first.")
  void list() {
    JsonNode all = root().client().call("GET", "/nodes", null);
    if (root().json()) {
      out().println(all);
      return;
    }
    Table table = new Table("NAME", "LINK", "STATE", "REASON");
    for (JsonNode n : all) {
      table.row(
          n.path("name").asText(),
          n.path("link").asText(),
          n.path("state").asText(),
          n.path("reason").asText());
    }
    table.print(out());
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
    if (root().json()) {
      out().println(node);
    } else {
      String reason = node.path("reason").asText();
      out()
          .println(
              "node "
                  + node.path("name").asText()
                  + " is "
                  + node.path("state").asText()
                  + (reason.isEmpty() ? "" : ": " + reason));
    }
  }

  @Command(name = "remove", description = "Forgets a node that no volume needs.")
  void remove(@Parameters(paramLabel = "NAME") String name) {
    if (name.isEmpty() || name.equals(".") || name.equals("..")) {
      throw usage("'" + name + "' is not a node's name");
    }
    root()
        .client()
        .call("DELETE", "/nodes/" + URLEncoder.encode(name, StandardCharsets.UTF_8), null);
  }

  private PrintWriter out() {
    return Objects.requireNonNull(spec).commandLine().getOut();
  }

  private WherryCommand root() {
    return Objects.requireNonNull(wherry);
  }

  private ParameterException usage(String message) {
    return new ParameterException(Objects.requireNonNull(spec).commandLine(), message);
  }
}
