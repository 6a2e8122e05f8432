package dev.wherry.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.PrintWriter;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** The scripts that make a volume a disk of this host, and undo it. */
final class HostScript {
  private HostScript() {}

  /** The address to attach by: the unix socket where it can be reached. */
  static String uri(JsonNode volume, boolean local) {
    String unix = volume.path("nbd").path("unixUri").asText();
    String query = URI.create(unix).getQuery();
    boolean reachable =
        local
            && query != null
            && query.startsWith("socket=")
            && Files.exists(Path.of(query.substring("socket=".length())));
    return reachable ? unix : volume.path("nbd").path("uri").asText();
  }

  /**
   * Runs {@code scripts/NAME} and passes on what it prints and its exit code. Its output goes
   * through files: what it leaves running in the background would keep a pipe open.
   */
  static int run(
      Map<String, String> environment,
      String name,
      List<String> args,
      boolean json,
      PrintWriter out,
      PrintWriter err) {
    Path script =
        Path.of(environment.getOrDefault("WHERRY_HOME", "."), "scripts", name).toAbsolutePath();
    if (!Files.isExecutable(script)) {
      throw new CliException("there is no " + script);
    }
    List<String> command = new ArrayList<>(List.of(script.toString()));
    command.addAll(args);
    Path dir = null;
    try {
      dir = Files.createTempDirectory("wherry-" + name);
      Path printed = dir.resolve("out");
      Path complained = dir.resolve("err");
      int code =
          new ProcessBuilder(command)
              .redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()))
              .redirectOutput(printed.toFile())
              .redirectError(complained.toFile())
              .start()
              .waitFor();
      String device = Files.readString(printed).strip();
      if (!device.isEmpty()) {
        out.println(json ? RestClient.object().put("device", device) : device);
      }
      complain(Files.readString(complained).strip(), name, code, err);
      return code;
    } catch (IOException e) {
      throw new CliException(script + " cannot be run: " + e.getMessage());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CliException(name + " was interrupted");
    } finally {
      remove(dir);
    }
  }

  /** One line, in the form of every other complaint: programs below the script may say more. */
  private static void complain(String text, String name, int code, PrintWriter err) {
    if (!text.isEmpty()) {
      String line = text.replaceAll("\\s*\\R\\s*", "; ");
      err.println(line.startsWith("wherry: ") ? line : "wherry: " + line);
    } else if (code != 0) {
      err.println("wherry: " + name + " failed with exit code " + code);
    }
  }

  private static void remove(@org.jspecify.annotations.Nullable Path dir) {
    if (dir == null) {
      return;
    }
    try {
      Files.deleteIfExists(dir.resolve("out"));
      Files.deleteIfExists(dir.resolve("err"));
      Files.deleteIfExists(dir);
    } catch (IOException e) {
      dir.toFile().deleteOnExit();
    }
  }
}
