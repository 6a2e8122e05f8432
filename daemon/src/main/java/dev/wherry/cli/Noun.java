package dev.wherry.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.PrintWriter;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.Objects;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code wherry NOUN VERB}: what the nouns have in common. */
abstract class Noun implements Runnable {
  @ParentCommand private @Nullable WherryCommand wherry;
  @Spec private @Nullable CommandSpec spec;

  @Override
  public final void run() {
    throw usage("a verb is missing");
  }

  final WherryCommand root() {
    return Objects.requireNonNull(wherry);
  }

  final PrintWriter out() {
    return commandSpec().commandLine().getOut();
  }

  final PrintWriter err() {
    return commandSpec().commandLine().getErr();
  }

  final ParameterException usage(String message) {
    return new ParameterException(commandSpec().commandLine(), message);
  }

  /** What REST answers, as it is under {@code --json} and else in words. */
  final void print(JsonNode answer, Consumer<PrintWriter> human) {
    if (root().json()) {
      out().println(answer);
    } else {
      human.accept(out());
    }
  }

  /**
   * A name as a part of an address.
   *
   * @param what says of which kind it is
   * @param usage makes the exception of a name that cannot be one
   */
  static String segment(String name, String what, Function<String, ParameterException> usage) {
    if (name.isEmpty() || name.equals(".") || name.equals("..")) {
      throw usage.apply("'" + name + "' is not " + what);
    }
    return URLEncoder.encode(name, StandardCharsets.UTF_8);
  }

  private CommandSpec commandSpec() {
    return Objects.requireNonNull(spec);
  }
}
