package dev.wherry.daemon.config;

import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;

/**
 * The options of {@code wherryd}, one per {@link Setting}. Built without reflection: it is on the
 * way to the ready line.
 *
 * @param settings what was given; a switch as {@code true}
 * @param file the YAML file, or null for none
 * @param help the help was asked for
 * @param version the version was asked for
 */
public record CommandLine(
    Map<Setting, String> settings, @Nullable Path file, boolean help, boolean version) {

  /**
   * Parses the arguments.
   *
   * @throws ConfigurationException for an unknown option or a missing value
   */
  public static CommandLine parse(String[] args, Map<String, String> environment) {
    ParseResult parsed;
    try {
      parsed = new picocli.CommandLine(spec()).parseArgs(args);
    } catch (ParameterException e) {
      throw new ConfigurationException(
          "command line", e.getMessage() == null ? "cannot be read" : e.getMessage());
    }
    Map<Setting, String> settings = new EnumMap<>(Setting.class);
    for (Setting s : Setting.values()) {
      if (parsed.hasMatchedOption(s.option())) {
        Object value = parsed.matchedOptionValue(s.option(), (Object) null);
        settings.put(s, String.valueOf(value));
      }
    }
    String file = parsed.matchedOptionValue("--config", environment.get("WHERRYD_CONFIG"));
    return new CommandLine(
        settings,
        file == null || file.isEmpty() ? null : Path.of(file),
        parsed.hasMatchedOption("--help"),
        parsed.hasMatchedOption("--version"));
  }

  /** Prints the help. */
  public static void printHelp(PrintWriter out) {
    new picocli.CommandLine(spec()).usage(out);
    out.flush();
  }

  private static CommandSpec spec() {
    CommandSpec spec = CommandSpec.create().name("wherryd");
    spec.usageMessage()
        .description("Serves volumes over NBD.")
        .footer(
            "Every option is also a variable WHERRYD_NAME of the environment and a key of the"
                + " YAML file; the option goes first, then the environment, then the file.");
    spec.addOption(
        OptionSpec.builder("--config")
            .paramLabel("FILE")
            .type(String.class)
            .description("YAML file with settings")
            .build());
    for (Setting s : Setting.values()) {
      OptionSpec.Builder option = OptionSpec.builder(s.option()).description(s.description());
      spec.addOption(
          s.isSwitch()
              ? option.type(boolean.class).build()
              : option.type(String.class).paramLabel(s.value()).build());
    }
    spec.addOption(
        OptionSpec.builder("-h", "--help").usageHelp(true).description("this text").build());
    spec.addOption(
        OptionSpec.builder("-V", "--version").versionHelp(true).description("the version").build());
    return spec;
  }
}
