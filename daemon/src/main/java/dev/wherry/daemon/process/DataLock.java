package dev.wherry.daemon.process;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Holds a data directory for one process. The kernel gives it up when the process ends, however it
 * ends; the file stays and means nothing by itself.
 */
public final class DataLock implements AutoCloseable {
  private final FileChannel channel;

  private DataLock(FileChannel channel) {
    this.channel = channel;
  }

  /**
   * Takes the lock.
   *
   * @throws StartException if another process has it; the text names the process
   */
  public static DataLock take(DataDirectory data) {
    Path file = data.lock();
    try {
      FileChannel channel =
          FileChannel.open(
              file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
      try {
        DataLock lock = hold(data, channel);
        ByteBuffer pid =
            ByteBuffer.wrap(
                (ProcessHandle.current().pid() + "\n").getBytes(StandardCharsets.US_ASCII));
        int length = pid.remaining();
        // In place, which needs no room on a full disk.
        channel.write(pid, 0);
        channel.truncate(length);
        return lock;
      } catch (IOException | StartException e) {
        channel.close();
        throw e;
      }
    } catch (IOException e) {
      throw new StartException("lock " + file + " cannot be taken: " + e.getMessage(), e);
    }
  }

  /**
   * Keeps a daemon away while its directory is looked at. Writes nothing.
   *
   * @return empty if there is no lock file, and so no daemon
   * @throws StartException if another process has it; the text names the process
   */
  public static Optional<DataLock> takeIfThere(DataDirectory data) {
    Path file = data.lock();
    if (!Files.exists(file)) {
      return Optional.empty();
    }
    try {
      FileChannel channel =
          FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE);
      try {
        return Optional.of(hold(data, channel));
      } catch (IOException | StartException e) {
        channel.close();
        throw e;
      }
    } catch (IOException e) {
      throw new StartException("lock " + file + " cannot be taken: " + e.getMessage(), e);
    }
  }

  private static DataLock hold(DataDirectory data, FileChannel channel) throws IOException {
    if (tryLock(channel) == null) {
      throw new StartException(
          "data directory " + data.root() + " is in use by another wherryd" + holder(channel));
    }
    return new DataLock(channel);
  }

  /** Does something while the lock is held. */
  public <T> T whileHeld(java.util.function.Supplier<T> work) {
    return work.get();
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }

  private static @Nullable FileLock tryLock(FileChannel channel) throws IOException {
    try {
      return channel.tryLock();
    } catch (OverlappingFileLockException e) {
      return null;
    }
  }

  private static String holder(FileChannel channel) throws IOException {
    ByteBuffer text = ByteBuffer.allocate(20);
    channel.read(text, 0);
    String pid = new String(text.array(), 0, text.position(), StandardCharsets.US_ASCII).trim();
    return pid.isEmpty() ? "" : ", process " + pid;
  }
}
