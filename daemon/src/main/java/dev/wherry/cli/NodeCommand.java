package dev.wherry.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.PrintWriter;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code wherry node …}. */
@Command(name = "node", description = "Nodes.")
final class NodeCommand implements Runnable {
  @ParentCommand private @Nullable WherryCommand wherry;
  @Spec private @Nullable CommandSpec spec;

  @Override
  public void run() {
    throw new ParameterException(Objects.requireNonNull(spec).commandLine(), "a verb is missing");
  }

  @Command(name = "list", description = "The nodes that this one knows, itself first.")
  void list() {
    WherryCommand root = Objects.requireNonNull(wherry);
    JsonNode all = root.client().call("GET", "/nodes", null);
    PrintWriter out = Objects.requireNonNull(spec).commandLine().getOut();
    if (root.json()) {
      out.println(all);
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
    table.print(out);
  }
}
