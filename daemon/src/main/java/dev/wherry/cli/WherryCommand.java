package dev.wherry.cli;

import dev.wherry.daemon.Version;
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/** The root: options of all commands. */
@Command(
    name = "wherry",
    description = "Manages the volumes of a wherryd.",
    mixinStandardHelpOptions = true,
    scope = ScopeType.INHERIT,
    versionProvider = WherryCommand.VersionText.class,
    exitCodeListHeading = "Exit codes:%n",
    exitCodeList = {"0:done", "1:refused or failed", "2:usage"},
    subcommands = {VolumeCommand.class, NodeCommand.class, CatalogCommand.class})
final class WherryCommand implements Runnable {
  private static final String DEFAULT_API = "http://127.0.0.1:8009";

  @Spec private @Nullable CommandSpec spec;

  @Option(
      names = "--api",
      paramLabel = "URL",
      scope = ScopeType.INHERIT,
      description = "where the daemon's REST is; default: WHERRY_API, else " + DEFAULT_API)
  private @Nullable String api;

  @Option(
      names = "--token-file",
      paramLabel = "FILE",
      scope = ScopeType.INHERIT,
      description = "holds the token that the daemon wants")
  private @Nullable Path tokenFile;

  @Option(
      names = "--tls-dir",
      paramLabel = "DIR",
      scope = ScopeType.INHERIT,
      description = "holds ca-cert.pem, client-cert.pem, client-key.pem")
  private @Nullable Path tlsDir;

  @Option(names = "--json", scope = ScopeType.INHERIT, description = "print what REST answers")
  private boolean json;

  private final Map<String, String> environment;

  WherryCommand(Map<String, String> environment) {
    this.environment = environment;
  }

  static final class VersionText implements IVersionProvider {
    @Override
    public String[] getVersion() {
      return new String[] {"wherry " + Version.text()};
    }
  }

  boolean json() {
    return json;
  }

  Map<String, String> environment() {
    return environment;
  }

  RestClient client() {
    String url = api != null ? api : environment.getOrDefault("WHERRY_API", "");
    return RestClient.of(url.isEmpty() ? DEFAULT_API : url, tokenFile, tlsDir);
  }

  @Override
  public void run() {
    if (spec != null) {
      throw new ParameterException(spec.commandLine(), "a noun is missing: volume, node, catalog");
    }
  }
}
