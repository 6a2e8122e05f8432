package dev.wherry.daemon;

import dev.wherry.daemon.config.CommandLine;
import dev.wherry.daemon.config.Configuration;
import dev.wherry.daemon.config.ConfigurationException;
import dev.wherry.daemon.config.ConfigurationReader;
import dev.wherry.daemon.process.LogSetup;
import dev.wherry.daemon.process.StartException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/**
 * {@code wherryd}. Exit 0 after SIGTERM or SIGINT when all was finished and flushed, 1 if it could
 * not start or not finish, 2 for a bad configuration.
 */
public final class Main {
  /** No exit: it runs until a signal comes. */
  private static final int SERVING = -1;

  private Main() {}

  public static void main(String[] args) {
    int code = run(args, System.getenv());
    if (code != SERVING) {
      System.exit(code);
    }
  }

  private static int run(String[] args, Map<String, String> environment) {
    Prepared prepared = Prepared.begin();
    try {
      CommandLine given = CommandLine.parse(args, environment);
      if (given.help()) {
        CommandLine.printHelp(new PrintWriter(System.out, true, StandardCharsets.UTF_8));
        return 0;
      }
      if (given.version()) {
        System.out.println("wherryd " + Version.text());
        return 0;
      }
      Configuration config = ConfigurationReader.read(given.settings(), environment, given.file());
      LogSetup.apply(config.logFormat(), config.logLevel());
      Daemon daemon = Daemon.start(config, environment, prepared);
      Runtime.getRuntime().addShutdownHook(new Thread(() -> end(daemon), "wherry-stop"));
      System.out.println(daemon.readyLine());
      System.out.flush();
      return SERVING;
    } catch (ConfigurationException e) {
      System.err.println("wherryd: " + e.getMessage());
      return 2;
    } catch (StartException e) {
      System.err.println("wherryd: " + e.getMessage());
      return 1;
    }
  }

  /** In the shutdown hook: the JVM would exit with 128 + the signal. */
  private static void end(Daemon daemon) {
    boolean clean = daemon.stop();
    System.out.flush();
    Runtime.getRuntime().halt(clean ? 0 : 1);
  }
}
