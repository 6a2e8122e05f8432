package dev.wherry.daemon.process;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;

/** Paths of unix sockets: what a killed daemon leaves behind, and who may connect. */
public final class UnixSockets {
  private static final int SOCKET_TYPE = 0140000;
  private static final int TYPE_MASK = 0170000;

  private UnixSockets() {}

  /**
   * Removes a socket on which nobody listens any more.
   *
   * @throws StartException if somebody does, or if something else lies there
   */
  public static void clear(Path path) {
    try {
      if (!Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
        return;
      }
      Integer mode = (Integer) Files.getAttribute(path, "unix:mode", LinkOption.NOFOLLOW_LINKS);
      if ((mode & TYPE_MASK) != SOCKET_TYPE) {
        throw new StartException("socket " + path + ": there is something else at this path");
      }
      if (answers(path)) {
        throw new StartException("socket " + path + ": another process listens on it");
      }
      Files.deleteIfExists(path);
    } catch (IOException e) {
      throw new StartException("socket " + path + " cannot be cleared: " + e, e);
    }
  }

  /** Leaves the socket to the daemon's user alone. */
  public static void restrict(Path path) throws IOException {
    Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rw-------"));
  }

  private static boolean answers(Path path) throws IOException {
    try (SocketChannel c = SocketChannel.open(StandardProtocolFamily.UNIX)) {
      return c.connect(UnixDomainSocketAddress.of(path));
    } catch (java.net.ConnectException e) {
      return false;
    } catch (java.net.SocketException e) {
      // What the JDK makes of ECONNREFUSED on a unix socket, depending on its version.
      if (String.valueOf(e.getMessage()).contains("refused")) {
        return false;
      }
      throw e;
    }
  }
}
