package dev.wherry.cli;

import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import picocli.CommandLine;

/** {@code wherry}: exit 0 done, 1 refused or failed, 2 usage. */
public final class Main {
  private Main() {}

  public static void main(String[] args) {
    // A POST that may have been done is not sent again behind our back.
    System.setProperty("sun.net.http.retryPost", "false");
    PrintWriter out = new PrintWriter(System.out, false, StandardCharsets.UTF_8);
    PrintWriter err = new PrintWriter(System.err, true, StandardCharsets.UTF_8);
    int code = run(args, System.getenv(), out, err);
    out.flush();
    System.exit(code);
  }

  static int run(String[] args, Map<String, String> environment, PrintWriter out, PrintWriter err) {
    CommandLine line = new CommandLine(new WherryCommand(environment));
    line.setOut(out).setErr(err);
    line.setCaseInsensitiveEnumValuesAllowed(true);
    line.setParameterExceptionHandler(
        (e, given) -> {
          err.println("wherry: " + oneLine(e));
          err.println("Try '" + e.getCommandLine().getCommandSpec().qualifiedName() + " --help'.");
          return CommandLine.ExitCode.USAGE;
        });
    line.setExecutionExceptionHandler(
        (e, command, parsed) -> {
          err.println("wherry: " + oneLine(e));
          return CommandLine.ExitCode.SOFTWARE;
        });
    return line.execute(args);
  }

  private static String oneLine(Exception e) {
    String text = e.getMessage() == null ? e.toString() : e.getMessage();
    return text.replaceAll("\\s*\\R\\s*", " ");
  }
}
