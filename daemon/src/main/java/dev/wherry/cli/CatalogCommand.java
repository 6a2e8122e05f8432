package dev.wherry.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import dev.wherry.daemon.catalog.CatalogCheck;
import dev.wherry.daemon.process.DataDirectory;
import dev.wherry.daemon.process.DataLock;
import dev.wherry.daemon.process.StartException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code wherry catalog …}: offline, without a daemon. */
@Command(name = "catalog", description = "The catalog of a daemon that does not run.")
final class CatalogCommand extends Noun {
  private static List<String> findings(Path dir) throws IOException {
    Optional<DataLock> held = DataLock.takeIfThere(new DataDirectory(dir));
    if (held.isEmpty()) {
      return CatalogCheck.run(dir);
    }
    try (DataLock lock = held.get()) {
      return lock.whileHeld(() -> CatalogCheck.run(dir));
    }
  }

  @Command(name = "check", description = "Structure, checksums, invariants; exit 1 with findings.")
  int check(
      @Option(names = "--data", paramLabel = "DIR", description = "default: /var/lib/wherry")
          @Nullable Path data) {
    String fallback = root().environment().getOrDefault("WHERRYD_DATA", "/var/lib/wherry");
    Path dir = (data == null ? Path.of(fallback) : data).toAbsolutePath().normalize();
    if (!Files.isDirectory(dir)) {
      throw new CliException("data directory " + dir + " does not exist");
    }
    List<String> findings;
    try {
      findings = findings(dir);
    } catch (StartException e) {
      throw new CliException("catalog check is for when no daemon runs: " + e.getMessage());
    } catch (IOException e) {
      throw new CliException("lock of " + dir + " cannot be given back: " + e.getMessage());
    }
    if (root().json()) {
      ArrayNode list = RestClient.object().arrayNode();
      findings.forEach(list::add);
      out().println(list);
    } else {
      findings.forEach(out()::println);
    }
    if (!findings.isEmpty()) {
      err().println("wherry: catalog of " + dir + ": " + findings.size() + " findings");
      return 1;
    }
    if (!root().json()) {
      out().println("catalog of " + dir + ": all is well");
    }
    return 0;
  }
}
