package dev.wherry.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code wherry volume share …} and what belongs to it. Each is in effect when it returns. */
final class ShareCommands {
  private ShareCommands() {}

  /** What they have in common. */
  abstract static class Action implements Runnable {
    @ParentCommand private @Nullable VolumeCommand volumes;
    @Spec private @Nullable CommandSpec spec;

    @Parameters(index = "0", paramLabel = "SUID", description = "the volume")
    String suid = "";

    void act(String action, ObjectNode body, Function<JsonNode, String> words) {
      VolumeCommand noun = Objects.requireNonNull(volumes);
      String path = VolumeCommand.path(suid, this::usage) + "/" + action;
      JsonNode v = noun.root().client().call("POST", path, body);
      noun.print(v, out -> out.println(words.apply(v)));
    }

    ParameterException usage(String message) {
      return new ParameterException(Objects.requireNonNull(spec).commandLine(), message);
    }
  }

  /** Which other node. */
  static final class To {
    @Option(names = "--to", paramLabel = "NODE", required = true, description = "the other node")
    String node = "";
  }

  /** {@code volume share}. */
  @Command(name = "share", description = "Gives another node a part; on the owner.")
  static final class Share extends Action {
    @Mixin final To to = new To();

    @Option(
        names = "--read",
        paramLabel = "fail|redirect|move|pull",
        description = "what becomes there of reads of what is not there; default: move")
    @Nullable String read;

    @Option(
        names = "--write",
        paramLabel = "local|back|through",
        description = "where it writes when it is the owner; default: local")
    @Nullable String write;

    @Option(
        names = "--range",
        paramLabel = "OFFSET+LENGTH=POLICY",
        description = "a read policy for a part of the volume; may be repeated")
    @Nullable List<String> ranges;

    @Option(
        names = "--handover",
        paramLabel = "auto|manual",
        description = "auto: the first write there takes the ownership; default: auto")
    @Nullable String handover;

    @Option(
        names = "--store",
        paramLabel = "PATH|none",
        description =
            "what the blocks are kept in there, which must hold nothing yet; none: nothing is"
                + " kept; default: a sparse file")
    @Nullable String store;

    @Override
    public void run() {
      ObjectNode body = RestClient.object().put("to", to.node);
      VolumeCommand.putIfGiven(body, "read", read);
      VolumeCommand.putIfGiven(body, "write", write);
      VolumeCommand.putIfGiven(body, "handover", handover);
      VolumeCommand.putIfGiven(body, "store", store);
      if (ranges != null) {
        ArrayNode all = body.putArray("ranges");
        ranges.forEach(all::add);
      }
      act("share", body, v -> "volume " + suid + " is shared with node " + to.node);
    }
  }

  /** {@code volume unshare}. */
  @Command(name = "unshare", description = "Takes a standby's part back; on the owner.")
  static final class Unshare extends Action {
    @Option(names = "--from", paramLabel = "NODE", required = true, description = "the other node")
    String from = "";

    @Override
    public void run() {
      act(
          "unshare",
          RestClient.object().put("from", from),
          v -> "volume " + suid + " is not shared with node " + from + " any more");
    }
  }

  /** {@code volume activate}. */
  @Command(name = "activate", description = "Takes the ownership; on the node that is to own it.")
  static final class Activate extends Action {
    @Option(
        names = "--force",
        description = {
          "although the owner cannot be asked: it is stopped, says the operator. On a node that is"
              + " fenced: back from a successor that is lost for good"
        })
    boolean force;

    @Option(
        names = "--inconsistent",
        description = "by force also where what is here is of no one time")
    boolean inconsistent;

    @Option(names = "--yes", description = "it is meant")
    boolean yes;

    @Override
    public void run() {
      if (inconsistent && !force) {
        throw usage("--inconsistent says something of --force, which is missing");
      }
      if (force && !yes) {
        throw usage(
            "--force takes the ownership from a node that cannot be asked. If that node still runs,"
                + " it may go on answering its own hosts until it hears of this, and what they"
                + " write from now on is lost. What came here ahead may be out of date and is not"
                + " used: what is not here is read from that node, once it is back. On a former owner"
                + " all that was changed since it gave the ownership away is given up, and what is"
                + " not there is lost if the node that it comes from keeps it no more; on a fenced"
                + " node, what hosts have written at other nodes since it was fenced. --yes"
                + " says that it is meant");
      }
      ObjectNode body = RestClient.object().put("force", force);
      act(
          "activate",
          inconsistent ? body.put("inconsistent", true) : body,
          v -> "volume " + suid + " " + owned(v));
    }
  }

  /** {@code volume return}. */
  @Command(
      name = "return",
      description =
          "Gives the ownership back with all changes, as the abort of a move; on the owner.")
  static final class Return extends Action {
    @Mixin final To to = new To();

    @Override
    public void run() {
      act(
          "return",
          RestClient.object().put("to", to.node),
          v -> "volume " + suid + " is owned by node " + to.node);
    }
  }

  /** {@code volume release}. */
  @Command(
      name = "release",
      description = "Frees what a former owner still holds; refused while anything is only there.")
  static final class Release extends Action {
    @Override
    public void run() {
      act(
          "release",
          RestClient.object(),
          v ->
              v.path("role").asText().equals("former")
                  ? "volume " + suid + " is kept by node " + v.path("owner").asText() + " alone"
                  : "volume " + suid + " needs its source no more");
    }
  }

  private static String owned(JsonNode v) {
    String text =
        "is owned by node " + v.path("owner").asText() + ", epoch " + v.path("epoch").asText();
    JsonNode stall = v.path("handover").path("stallMillis");
    String reason = v.path("reason").asText("");
    if (!reason.isEmpty()) {
      text += "; " + reason;
    }
    return stall.isNumber()
        ? text
            + "; hosts here stood still for "
            + String.format(Locale.ROOT, "%.1f", stall.asDouble())
            + " ms"
        : text;
  }
}
