package dev.wherry.path.file;

import io.netty.channel.DefaultFileRegion;
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
  DefaultFileRegion region(long offset, int length) {
    retain();
    return new Region(this, offset, length);
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

  /** A region that leaves the channel open, because others use it too. */
  private static final class Region extends DefaultFileRegion {
    private final SharedChannel file;

    Region(SharedChannel file, long offset, int length) {
      super(file.channel, offset, length);
      this.file = file;
    }

    @Override
    protected void deallocate() {
      file.release();
    }
  }
}
