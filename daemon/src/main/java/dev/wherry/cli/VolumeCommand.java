package dev.wherry.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.wherry.path.ByteSize;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;

/** {@code wherry volume …}. */
@Command(
    name = "volume",
    description = "Volumes: create, change, attach, share, delete.",
    subcommands = {
      ShareCommands.Share.class,
      ShareCommands.Unshare.class,
      ShareCommands.Activate.class,
      ShareCommands.Return.class,
      ShareCommands.Release.class
    })
final class VolumeCommand extends Noun {
  private static final int EXTENTS_PER_CALL = 100_000;

  @Command(name = "create", description = "Makes a volume and prints its SUID.")
  void create(
      @Parameters(paramLabel = "SUID", description = "its name") String suid,
      @Option(
              names = "--size",
              paramLabel = "S",
              description = "bytes, or with K M G T; default: the backing's")
          @Nullable String size,
      @Option(
              names = "--backing",
              paramLabel = "PATH|NBD-URI|wherry:SUID",
              description = "what it is made of; repeated: one after the other; default: a file")
          @Nullable List<String> backing,
      @Option(names = "--source", paramLabel = "NBD-URI", description = "emulate this volume")
          @Nullable String source,
      @Option(names = "--read", paramLabel = "POLICY", description = "read policy of a source")
          @Nullable String read,
      @Option(names = "--write", paramLabel = "POLICY", description = "write policy of a source")
          @Nullable String write,
      @Option(names = "--handler", paramLabel = "NAME", description = "path handler")
          @Nullable String handler,
      @Option(names = "--set", paramLabel = "K=V", description = "setting of the handler")
          @Nullable Map<String, String> settings,
      @Option(names = "--block-size", paramLabel = "S", description = "of the block map")
          @Nullable String blockSize,
      @Option(names = "--read-only", description = "hosts may not write") boolean readOnly) {
    ObjectNode body = RestClient.object().put("suid", checked(suid));
    if (size != null) {
      body.put("size", bytes("--size", size));
    }
    if (backing != null) {
      ArrayNode specs = body.putArray("backing");
      backing.forEach(b -> specs.add(absolute(b)));
    }
    putIfGiven(body, "source", source);
    putIfGiven(body, "read", read);
    putIfGiven(body, "write", write);
    putIfGiven(body, "handler", handler);
    if (settings != null) {
      ObjectNode values = body.putObject("settings");
      settings.forEach(values::put);
    }
    if (blockSize != null) {
      body.put("blockSize", bytes("--block-size", blockSize));
    }
    if (readOnly) {
      body.put("readOnly", true);
    }
    JsonNode v = root().client().call("POST", "/volumes", body);
    print(v, out -> out.println(v.path("suid").asText()));
  }

  @Command(name = "list", description = "All volumes.")
  void list() {
    JsonNode all = root().client().call("GET", "/volumes", null);
    Table table =
        new Table("SUID", "SIZE", "STATE", "ROLE", "OWNER", "HANDLER", "CONNECTIONS", "BACKING");
    for (JsonNode v : all) {
      table.row(
          v.path("suid").asText(),
          ByteSize.format(v.path("size").asLong()),
          v.path("state").asText(),
          v.path("role").asText(),
          v.path("owner").asText(),
          v.path("handler").asText(),
          v.path("connections").asText(),
          text(v.path("backing")));
    }
    print(all, table::print);
  }

  @Command(name = "show", description = "Everything about a volume.")
  void show(@Parameters(paramLabel = "SUID") String suid) {
    JsonNode v = root().client().call("GET", path(suid), null);
    Table table = new Table("FIELD", "VALUE");
    v.properties().forEach(e -> table.row(e.getKey(), text(e.getValue())));
    print(v, table::print);
  }

  @Command(name = "delete", description = "Removes a volume; a backing that was given stays.")
  void delete(
      @Parameters(paramLabel = "SUID") String suid,
      @Option(names = "--force", description = "also while hosts are attached") boolean force) {
    root().client().call("DELETE", path(suid) + (force ? "?force=true" : ""), null);
  }

  @Command(name = "resize", description = "Changes the size, for the next connection.")
  void resize(
      @Parameters(paramLabel = "SUID") String suid,
      @Option(names = "--size", paramLabel = "S", required = true, description = "the new size")
          String size,
      @Option(names = "--force", description = "allow a smaller size") boolean force) {
    ObjectNode body = RestClient.object().put("size", bytes("--size", size)).put("force", force);
    JsonNode v = root().client().call("POST", path(suid) + "/resize", body);
    print(v, out -> out.println(ByteSize.format(v.path("size").asLong())));
  }

  @Command(name = "map", description = "Extents with their block state.")
  void map(@Parameters(paramLabel = "SUID") String suid) {
    ArrayNode all = RestClient.object().arrayNode();
    long at = 0;
    int got;
    do {
      JsonNode part =
          root()
              .client()
              .call("GET", path(suid) + "/map?offset=" + at + "&limit=" + EXTENTS_PER_CALL, null);
      got = part.size();
      part.forEach(all::add);
      JsonNode last = part.path(got - 1);
      at = last.path("offset").asLong() + last.path("length").asLong();
    } while (got == EXTENTS_PER_CALL);
    Table table = new Table("OFFSET", "LENGTH", "STATE", "HOLE");
    for (JsonNode e : all) {
      table.row(
          e.path("offset").asText(),
          e.path("length").asText(),
          e.path("state").asText(),
          e.path("hole").asBoolean() ? "hole" : "");
    }
    print(all, table::print);
  }

  @Command(
      name = "set",
      description = {
        "Changes policies. allow=RANGE,cn:NAME,… says who may attach; of a shared volume read=, write=,"
            + " ranges=OFFSET+LENGTH=POLICY,…, handover=auto|manual, and of its move bandwidth=100M"
            + " (or none) and minimum=20M per second. away=degrade|stall: under write=through hosts"
            + " go on without a source that is away, or wait for it."
      })
  void set(
      @Parameters(index = "0", paramLabel = "SUID") String suid,
      @Parameters(index = "1..*", arity = "1..*", paramLabel = "K=V") List<String> settings) {
    ObjectNode body = RestClient.object();
    for (String s : settings) {
      int equals = s.indexOf('=');
      if (equals < 1) {
        throw usage("'" + s + "' is not K=V");
      }
      body.put(s.substring(0, equals), s.substring(equals + 1));
    }
    JsonNode v = root().client().call("POST", path(suid) + "/set", body);
    print(v, out -> {});
  }

  @Command(name = "connections", description = "Who is attached.")
  void connections(@Parameters(paramLabel = "SUID") String suid) {
    JsonNode all = root().client().call("GET", path(suid) + "/connections", null);
    Table table = new Table("ID", "PEER", "SINCE", "CERTIFICATE");
    for (JsonNode c : all) {
      table.row(
          c.path("id").asText(),
          c.path("peer").asText(),
          c.path("since").asText(),
          text(c.path("certificateName")));
    }
    print(all, table::print);
  }

  @Command(name = "reopen", description = "Opens a failed volume anew.")
  void reopen(@Parameters(paramLabel = "SUID") String suid) {
    JsonNode v = root().client().call("POST", path(suid) + "/reopen", RestClient.object());
    print(v, out -> out.println(v.path("state").asText()));
  }

  @Command(name = "attach", description = "As a disk of this host; prints the device.")
  int attach(
      @Parameters(paramLabel = "SUID") String suid,
      @Option(names = "--device", paramLabel = "D", description = "such as /dev/nbd0")
          @Nullable String device) {
    RestClient client = root().client();
    String uri = HostScript.uri(client.call("GET", path(suid), null), client.isLocal());
    return device == null
        ? script("attach", suid, uri)
        : script("attach", suid, uri, "--device", device);
  }

  @Command(name = "detach", description = "Takes the disk away from this host.")
  int detach(
      @Parameters(paramLabel = "SUID|DEVICE") String suidOrDevice,
      @Option(
              names = "--force",
              description = "also when it cannot be flushed: what was not flushed is lost")
          boolean force) {
    return force ? script("detach", "--force", suidOrDevice) : script("detach", suidOrDevice);
  }

  // ------------------------------------------------------------------ common

  private int script(String name, String... args) {
    return HostScript.run(root().environment(), name, List.of(args), root().json(), out(), err());
  }

  private String path(String suid) {
    return path(suid, this::usage);
  }

  /**
   * Where REST has a volume.
   *
   * @param usage makes the exception of a SUID that cannot be one
   */
  static String path(String suid, Function<String, ParameterException> usage) {
    return "/volumes/" + segment(suid, "a SUID", usage);
  }

  private String checked(String suid) {
    path(suid);
    return suid;
  }

  private long bytes(String option, String text) {
    try {
      return ByteSize.parse(text);
    } catch (IllegalArgumentException e) {
      throw usage(option + ": " + e.getMessage());
    }
  }

  /** A path is this process's, the daemon has another directory. */
  private static String absolute(String backing) {
    return backing.matches("[a-z][a-z0-9+.-]*:.*")
        ? backing
        : Path.of(backing).toAbsolutePath().normalize().toString();
  }

  static void putIfGiven(ObjectNode body, String field, @Nullable String value) {
    if (value != null) {
      body.put(field, value);
    }
  }

  private static String text(JsonNode n) {
    return n.isNull() || n.isMissingNode() ? "-" : n.isTextual() ? n.textValue() : n.toString();
  }
}
