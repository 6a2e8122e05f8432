package dev.wherry.nbd.client;

import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Another project's NBD server on a unix socket, run as it really is; killed at the end. */
final class OtherServer implements AutoCloseable {
  private final Process process;
  private final Path log;

  private OtherServer(Process process, Path log) {
    this.process = process;
    this.log = log;
  }

  /** {@code nbdkit -f -U SOCKET args}. */
  static OtherServer nbdkit(Path socket, String... args) throws IOException {
    List<String> command =
        new ArrayList<>(List.of("nbdkit", "-f", "--exit-with-parent", "-U", socket.toString()));
    command.addAll(List.of(args));
    return start(socket, command);
  }

  /** {@code qemu-nbd -k SOCKET args}. */
  static OtherServer qemuNbd(Path socket, String... args) throws IOException {
    List<String> command = new ArrayList<>(List.of("qemu-nbd", "-t", "-k", socket.toString()));
    command.addAll(List.of(args));
    return start(socket, command);
  }

  /** nbd-server with one export, {@code export}, on a unix socket. */
  static OtherServer nbdServer(Path socket, Path file) throws IOException {
    Path config = socket.resolveSibling(socket.getFileName() + ".conf");
    Files.writeString(
        config,
        """
        [generic]
        unixsock = %s
        allowlist = true
        [export]
        exportname = %s
        flush = true
        fua = true
        trim = true
        """
            .formatted(socket, file));
    return start(socket, List.of("nbd-server", "-d", "-C", config.toString()));
  }

  private static OtherServer start(Path socket, List<String> command) throws IOException {
    Files.deleteIfExists(socket);
    Path log = socket.resolveSibling(socket.getFileName() + ".log");
    Process process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()))
            .start();
    OtherServer server = new OtherServer(process, log);
    try {
      await()
          .atMost(Duration.ofSeconds(60))
          .pollInterval(Duration.ofMillis(10))
          .until(
              () -> {
                if (!process.isAlive()) {
                  throw new IOException(command + ": " + Files.readString(log));
                }
                return listens(socket);
              });
    } catch (RuntimeException e) {
      server.kill();
      throw e;
    }
    return server;
  }

  /**
   * Bound is not enough; and a connection to try it would be the only one that some servers take.
   */
  private static boolean listens(Path socket) throws IOException {
    String end = " " + socket;
    // Num RefCount Protocol Flags Type St Inode Path; the flag is that of a listener.
    return Files.readAllLines(Path.of("/proc/net/unix")).stream()
        .anyMatch(line -> line.endsWith(end) && line.contains(" 00010000 "));
  }

  String log() throws IOException {
    return Files.readString(log);
  }

  long pid() {
    return process.pid();
  }

  /** SIGKILL; returns when it is gone. */
  void kill() {
    process.descendants().forEach(ProcessHandle::destroyForcibly);
    process.destroyForcibly();
    try {
      if (!process.waitFor(60, TimeUnit.SECONDS)) {
        throw new IllegalStateException("process " + process.pid() + " does not end");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  @Override
  public void close() {
    kill();
  }
}
