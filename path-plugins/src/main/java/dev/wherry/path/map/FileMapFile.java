package dev.wherry.path.map;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import org.jspecify.annotations.Nullable;

/**
 * A map's file in a file system. What is to take its place is beside it, with {@code .next} after
 * its name.
 */
public final class FileMapFile implements MapFile {
  private final Path path;
  private final Path nextPath;
  private FileChannel channel;
  private long length;
  private @Nullable FileChannel next;
  private long nextLength;

  private FileMapFile(Path path, FileChannel channel, long length) {
    this.path = path;
    this.nextPath = path.resolveSibling(path.getFileName() + ".next");
    this.channel = channel;
    this.length = length;
  }

  /** Opens a file, or makes an empty one. Blocks. */
  public static FileMapFile open(Path path) throws IOException {
    FileChannel channel =
        FileChannel.open(
            path.toAbsolutePath(),
            StandardOpenOption.READ,
            StandardOpenOption.WRITE,
            StandardOpenOption.CREATE);
    return new FileMapFile(path.toAbsolutePath(), channel, channel.size());
  }

  @Override
  public long length() throws IOException {
    return channel.size();
  }

  /** Not mapped: an error of the medium is an exception here, and would end the process there. */
  @Override
  public void read(long at, ByteBuffer into) throws IOException {
    for (long from = at; into.hasRemaining(); ) {
      int got = channel.read(into, from);
      if (got < 0) {
        throw new IOException(
            path + " ends at byte " + from + ", before byte " + (from + into.remaining()));
      }
      from += got;
    }
  }

  @Override
  public void append(ByteBuffer bytes) throws IOException {
    try {
      write(channel, bytes, length);
    } catch (IOException e) {
      // What was added is overwritten by the next one, if it cannot be cut off.
      try {
        channel.truncate(length);
      } catch (IOException left) {
        e.addSuppressed(left);
      }
      throw e;
    }
    length += bytes.limit();
  }

  private static void write(FileChannel to, ByteBuffer bytes, long at) throws IOException {
    long position = at;
    while (bytes.hasRemaining()) {
      position += to.write(bytes, position);
    }
  }

  @Override
  public void truncate(long to) throws IOException {
    channel.truncate(to);
    length = to;
  }

  @Override
  public void force() throws IOException {
    channel.force(false);
  }

  @Override
  public void prepare(ByteBuffer bytes) throws IOException {
    FileChannel to = next;
    if (to == null) {
      to =
          FileChannel.open(
              nextPath,
              StandardOpenOption.READ,
              StandardOpenOption.WRITE,
              StandardOpenOption.CREATE,
              StandardOpenOption.TRUNCATE_EXISTING);
      next = to;
      nextLength = 0;
    }
    int added = bytes.remaining();
    write(to, bytes, nextLength);
    nextLength += added;
  }

  @Override
  public void discard() throws IOException {
    FileChannel gone = next;
    next = null;
    if (gone != null) {
      gone.close();
    }
    Files.deleteIfExists(nextPath);
  }

  @Override
  public void swap() throws IOException {
    FileChannel to = next;
    if (to == null) {
      throw new IllegalStateException("nothing was prepared to replace " + path);
    }
    // Where there is no room for it one of these two says so, and nothing has changed.
    to.force(true);
    Files.move(nextPath, path, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    FileChannel old = channel;
    channel = to;
    length = nextLength;
    next = null;
    try (old;
        FileChannel directory = FileChannel.open(path.getParent(), StandardOpenOption.READ)) {
      directory.force(true);
    } catch (IOException e) {
      throw new IOException(path + " was replaced, but a loss of power may undo that", e);
    }
  }

  @Override
  public void close() throws IOException {
    try {
      discard();
    } finally {
      channel.close();
    }
  }

  @Override
  public String toString() {
    return path.toString();
  }
}
