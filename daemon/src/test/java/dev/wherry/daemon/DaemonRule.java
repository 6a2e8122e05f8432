package dev.wherry.daemon;

import dev.wherry.daemon.config.CommandLine;
import dev.wherry.daemon.config.Configuration;
import dev.wherry.daemon.config.ConfigurationReader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Starts a whole daemon in this process, on free ports. */
public final class DaemonRule {
  private DaemonRule() {}

  public static Daemon start(Path data, String... more) {
    return startNode("here", "127.0.0.1:0", data, more);
  }

  /**
   * One of several.
   *
   * @param link HOST:PORT where the others connect
   */
  public static Daemon startNode(String name, String link, Path data, String... more) {
    List<String> args =
        new ArrayList<>(
            List.of(
                "--node",
                name,
                "--data",
                data.toString(),
                "--nbd",
                "127.0.0.1:0",
                "--api",
                "127.0.0.1:0",
                "--link",
                link));
    args.addAll(List.of(more));
    if (!args.contains("--rehearse")) {
      args.addAll(List.of("--rehearse", "false"));
    }
    CommandLine line = CommandLine.parse(args.toArray(String[]::new), Map.of());
    Configuration config = ConfigurationReader.read(line.settings(), Map.of(), line.file());
    return Daemon.start(config, Map.of());
  }
}
