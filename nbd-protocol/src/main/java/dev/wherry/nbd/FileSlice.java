package dev.wherry.nbd;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.channel.DefaultFileRegion;
import java.io.EOFException;
import java.io.IOException;
import java.nio.channels.FileChannel;

/**
 * A range of a file on its way to a socket through sendfile(2). What is not yet sent can be {@link
 * #cut} off into memory, after which the file is no longer needed.
 *
 * <p>Used on the event loop of the channel that it is written to. Releasing it does not close the
 * file; it runs the callback.
 */
public final class FileSlice extends DefaultFileRegion {
  private final FileChannel file;
  private final Runnable onRelease;
  private boolean cut;

  /**
   * @param file open for reading until {@code onRelease} has run
   * @param position first byte
   * @param count bytes, more than 0
   * @param onRelease run once, when nobody needs the file any more
   */
  public FileSlice(FileChannel file, long position, long count, Runnable onRelease) {
    super(file, position, count);
    this.file = file;
    this.onRelease = onRelease;
  }

  /** Bytes to send in all; once cut, those that were sent before. */
  @Override
  public long count() {
    return cut ? transferred() : super.count();
  }

  /**
   * Reads what is not yet sent into memory and ends the region where it stands, so that a channel
   * that holds it takes it for complete.
   *
   * @return the rest, which the caller owns and sends next; may be empty
   * @throws IOException if the file cannot be read, or ends before the range does
   */
  public ByteBuf cut(ByteBufAllocator allocator) throws IOException {
    long from = position() + transferred();
    int length = Math.toIntExact(super.count() - transferred());
    ByteBuf rest = allocator.directBuffer(length, length);
    try {
      while (rest.isWritable()) {
        int n = rest.writeBytes(file, from + rest.readableBytes(), rest.writableBytes());
        if (n <= 0) {
          throw new EOFException("file ends at byte " + (from + rest.readableBytes()));
        }
      }
    } catch (IOException e) {
      rest.release();
      throw e;
    }
    cut = true;
    return rest;
  }

  @Override
  protected void deallocate() {
    onRelease.run();
  }
}
