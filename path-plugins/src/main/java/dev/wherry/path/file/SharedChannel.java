package dev.wherry.path.file;

import dev.wherry.nbd.FileSlice;
import io.netty.util.AbstractReferenceCounted;
import io.netty.util.ReferenceCounted;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * A channel on a file for sendfile, with a descriptor of its own: it stays open until the last
 * region that was handed out is released, also after the device is closed.
 */
final class SharedChannel extends AbstractReferenceCounted {
  private final FileChannel channel;

  private SharedChannel(FileChannel channel) {
    this.channel = channel;
  }

  /** Opens the file behind a descriptor once more, whatever its path leads to by now. Blocks. */
  static SharedChannel of(int fd) throws IOException {
    return new SharedChannel(
        FileChannel.open(Path.of("/proc/self/fd/" + fd), StandardOpenOption.READ));
  }

  /** A part of the file that keeps it open until it is released. */
  FileSlice region(long offset, int length) {
    retain();
    return new FileSlice(channel, offset, length, this::release);
  }

  @Override
  protected void deallocate() {
    try {
      channel.close();
    } catch (IOException e) {
      throw new UncheckedIOException("closing a file that was read only", e);
    }
  }

  @Override
  public ReferenceCounted touch(Object hint) {
    return this;
  }
}
