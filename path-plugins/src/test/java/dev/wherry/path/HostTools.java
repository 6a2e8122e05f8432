package dev.wherry.path;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;

/**
 * Programs, loop devices and mounts of one test, undone in reverse when it is closed. Needs root,
 * util-linux, nbdkit, libnbd and FUSE.
 */
public final class HostTools implements AutoCloseable {
  private final Path dir;
  private final Deque<Runnable> undo = new ArrayDeque<>();

  /**
   * @param dir for sockets, mount points and the output of programs
   */
  public HostTools(Path dir) {
    this.dir = dir;
  }

  /** Runs a program to its end, 60 s at most; returns what it printed. Fails where it does. */
  public String run(String... command) {
    try {
      Path out = Files.createTempFile(dir, "out", ".txt");
      Process process =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(out.toFile())
              .start();
      boolean ended = process.waitFor(60, TimeUnit.SECONDS);
      String output = Files.readString(out);
      if (!ended || process.exitValue() != 0) {
        process.destroyForcibly();
        throw new IllegalStateException(String.join(" ", command) + ": " + output);
      }
      return output.trim();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    }
  }

  /** Starts a program that is killed in the end. Its input stays open. */
  public Process start(String... command) throws IOException {
    Path out = Files.createTempFile(dir, "out", ".txt");
    Process process =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(out.toFile()).start();
    undo.push(
        () -> {
          process.destroy();
          if (!ended(process)) {
            process.destroyForcibly();
          }
        });
    return process;
  }

  private static boolean ended(Process process) {
    try {
      return process.waitFor(5, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  /** Starts nbdkit with these arguments; returns its socket. */
  public Path nbdkit(String... arguments) throws IOException {
    Path socket = dir.resolve("nbdkit" + undo.size() + ".sock");
    List<String> command = new ArrayList<>(List.of("nbdkit", "-f", "-t", "16"));
    command.addAll(List.of("-U", socket.toString()));
    Collections.addAll(command, arguments);
    start(command.toArray(String[]::new));
    Awaitility.await().until(() -> listens(socket));
    return socket;
  }

  /** Bound is not enough: the flag is that of a socket that listens. */
  private static boolean listens(Path socket) throws IOException {
    return Files.readAllLines(Path.of("/proc/net/unix")).stream()
        .anyMatch(line -> line.endsWith(" " + socket) && line.contains(" 00010000 "));
  }

  /** Shows an NBD server as a file, through the kernel's FUSE. */
  public Path fuse(Path socket) throws IOException {
    Path file = Files.createFile(dir.resolve("fuse" + undo.size()));
    start("nbdfuse", file.toString(), "nbd+unix:///?socket=" + socket);
    undo.push(() -> quietly("umount", "-l", file.toString()));
    Awaitility.await().until(() -> Files.size(file) > 0);
    return file;
  }

  /** Makes a loop device over a file. */
  public Path loop(Path file, String... options) {
    List<String> command = new ArrayList<>(List.of("losetup", "--find", "--show"));
    command.addAll(Arrays.asList(options));
    command.add(file.toString());
    String device = run(command.toArray(String[]::new));
    undo.push(() -> quietly("losetup", "--detach", device));
    return Path.of(device);
  }

  /** Mounts a device; returns the mount point. */
  public Path mount(Path device, String... options) throws IOException {
    Path point = Files.createDirectory(dir.resolve("mount" + undo.size()));
    List<String> command = new ArrayList<>(List.of("mount"));
    command.addAll(Arrays.asList(options));
    command.addAll(List.of(device.toString(), point.toString()));
    run(command.toArray(String[]::new));
    undo.push(() -> quietly("umount", "-l", point.toString()));
    return point;
  }

  /** Sends one letter to a control socket and waits for the answer. */
  public static void tell(Path socket, char letter) throws IOException {
    try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
      channel.connect(UnixDomainSocketAddress.of(socket));
      channel.write(ByteBuffer.wrap(new byte[] {(byte) letter}));
      ByteBuffer answer = ByteBuffer.allocate(1);
      channel.read(answer);
      String got = new String(answer.array(), StandardCharsets.US_ASCII);
      if (Character.toUpperCase(letter) != got.charAt(0)) {
        throw new IOException("asked " + letter + ", was answered " + got);
      }
    }
  }

  private void quietly(String... command) {
    try {
      run(command);
    } catch (RuntimeException alreadyGone) {
      System.getLogger(HostTools.class.getName())
          .log(System.Logger.Level.DEBUG, "not undone", alreadyGone);
    }
  }

  @Override
  public void close() {
    while (!undo.isEmpty()) {
      undo.pop().run();
    }
  }
}
