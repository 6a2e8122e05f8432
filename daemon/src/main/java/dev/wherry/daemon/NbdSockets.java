package dev.wherry.daemon;

import dev.wherry.daemon.config.ConfigurationReader;
import dev.wherry.daemon.process.DataDirectory;
import dev.wherry.daemon.process.StartException;
import dev.wherry.daemon.process.UnixSockets;
import dev.wherry.daemon.volume.VolumeSockets;
import dev.wherry.nbd.server.NbdServer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The unix sockets of the NBD server: the common one, and one of each volume. May block. */
final class NbdSockets implements VolumeSockets {
  private static final Logger log = LoggerFactory.getLogger(NbdSockets.class);

  private final NbdServer server;
  private final DataDirectory data;
  private final Map<Path, NbdServer.Listener> listeners = new ConcurrentHashMap<>();

  NbdSockets(NbdServer server, DataDirectory data) {
    this.server = server;
    this.data = data;
  }

  /** Removes what a killed daemon left. */
  void sweep() {
    try (DirectoryStream<Path> left = Files.newDirectoryStream(data.sockets(), "*.sock")) {
      left.forEach(UnixSockets::clear);
    } catch (IOException e) {
      throw new StartException("sockets " + data.sockets() + " cannot be read: " + e, e);
    }
  }

  /** The socket of all volumes. */
  void openCommon(Path path) {
    listen(path, null);
  }

  @Override
  public void open(String suid) {
    Path path = data.socket(suid);
    int bytes = path.toString().getBytes(StandardCharsets.UTF_8).length;
    if (bytes > ConfigurationReader.SOCKET_PATH_BYTES) {
      log.warn(
          "volume {} has no socket of its own: {} has {} bytes, the most is {}",
          suid,
          path,
          bytes,
          ConfigurationReader.SOCKET_PATH_BYTES);
      return;
    }
    try {
      listen(path, suid);
    } catch (StartException e) {
      log.warn("volume {} has no socket of its own: {}", suid, e.getMessage());
    }
  }

  @Override
  public void close(String suid) {
    close(data.socket(suid));
  }

  void closeAll() {
    listeners.keySet().forEach(this::close);
  }

  private void listen(Path path, @Nullable String suid) {
    UnixSockets.clear(path);
    try {
      NbdServer.Listener listener = server.listenUnix(path, suid).join();
      listeners.put(path, listener);
      UnixSockets.restrict(path);
    } catch (CompletionException | IOException e) {
      Throwable cause = e instanceof CompletionException && e.getCause() != null ? e.getCause() : e;
      throw new StartException(
          "socket " + path + " cannot be listened on: " + cause.getMessage(), e);
    }
  }

  private void close(Path path) {
    NbdServer.Listener listener = listeners.remove(path);
    if (listener != null) {
      listener.close().join();
      try {
        Files.deleteIfExists(path);
      } catch (IOException e) {
        log.warn("socket {} cannot be removed: {}", path, e.toString());
      }
    }
  }
}
