package dev.wherry.path.map;

import dev.wherry.path.io.Posix;
import dev.wherry.path.io.PosixException;
import java.io.IOException;
import java.lang.ref.Cleaner;
import java.lang.ref.Reference;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A file that is memory only, of which what is mapped and touched takes memory. Gone when it and
 * what was mapped of it are garbage, or by {@link #close}. Safe on any thread; nothing here waits
 * for a disk.
 */
final class MemoryFile implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(MemoryFile.class);
  private static final Cleaner CLEANER = Cleaner.create();
  private static final int PUNCH = Posix.FALLOC_PUNCH_HOLE | Posix.FALLOC_KEEP_SIZE;

  private final int fd;
  private final Cleaner.Cleanable closing;
  private volatile long length;

  MemoryFile() throws IOException {
    int opened = open();
    fd = opened;
    closing = CLEANER.register(this, () -> close(opened));
  }

  private static int open() throws IOException {
    try {
      return Posix.memory("wherry-block-map");
    } catch (PosixException e) {
      throw new IOException(e.getMessage(), e);
    }
  }

  private static void close(int fd) {
    try {
      Posix.close(fd);
    } catch (PosixException e) {
      LOG.warn("the memory of a block map cannot be closed: {}", e.getMessage());
    }
  }

  /** A part of the file, which grows to it; zeroes where nothing was put. Lives on by itself. */
  MappedByteBuffer map(long offset, int bytes) throws IOException {
    try (FileChannel channel =
        FileChannel.open(
            Path.of("/proc/self/fd/" + fd), StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      MappedByteBuffer mapped = channel.map(MapMode.READ_WRITE, offset, bytes);
      length = channel.size();
      return mapped;
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  /** Gives the memory of a part back; it reads as zeroes. If that fails it stays as it is. */
  void punch(long offset, long bytes) {
    try {
      Posix.fallocate(fd, PUNCH, offset, bytes);
    } catch (PosixException e) {
      LOG.warn("memory of a block map cannot be given back: {}", e.getMessage());
    } finally {
      Reference.reachabilityFence(this); // else the number may be that of another file by now
    }
  }

  /** Bytes of memory that it takes. */
  long taken() throws IOException {
    try {
      return Posix.stat(fd).allocated();
    } catch (PosixException e) {
      throw new IOException(e.getMessage(), e);
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  /** No other call is running or follows, and nobody looks at what was mapped. */
  @Override
  public void close() {
    if (length > 0) {
      punch(0, length);
    }
    closing.clean();
  }
}
