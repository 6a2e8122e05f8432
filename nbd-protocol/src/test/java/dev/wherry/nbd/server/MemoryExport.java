package dev.wherry.nbd.server;

import dev.wherry.nbd.Export;
import dev.wherry.nbd.ExportInfo;
import dev.wherry.nbd.Extent;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * Bytes in an array: the simplest export there can be. Completes at once, on the caller's thread.
 */
public class MemoryExport implements Export {
  private static final CompletableFuture<Void> DONE = CompletableFuture.completedFuture(null);

  /** The content, for tests to look at. */
  public final byte[] bytes;

  private final ExportInfo info;
  private final boolean attempts;

  /**
   * @param attempts whether the try methods do anything
   */
  public MemoryExport(ExportInfo info, boolean attempts) {
    this.info = info;
    this.bytes = new byte[(int) info.size()];
    this.attempts = attempts;
  }

  public MemoryExport(int size) {
    this(ExportInfo.of(size), true);
  }

  @Override
  public ExportInfo info() {
    return info;
  }

  @Override
  public CompletableFuture<ByteBuf> read(long offset, int length) {
    synchronized (bytes) {
      return CompletableFuture.completedFuture(Unpooled.copiedBuffer(bytes, (int) offset, length));
    }
  }

  @Override
  public CompletableFuture<Void> write(long offset, ByteBuf data, int flags) {
    synchronized (bytes) {
      data.getBytes(data.readerIndex(), bytes, (int) offset, data.readableBytes());
    }
    return DONE;
  }

  @Override
  public CompletableFuture<Void> flush() {
    return DONE;
  }

  @Override
  public CompletableFuture<Void> trim(long offset, long length, int flags) {
    return zero(offset, length, flags);
  }

  @Override
  public CompletableFuture<Void> zero(long offset, long length, int flags) {
    synchronized (bytes) {
      Arrays.fill(bytes, (int) offset, (int) (offset + length), (byte) 0);
    }
    return DONE;
  }

  @Override
  public CompletableFuture<Void> cache(long offset, long length) {
    return DONE;
  }

  @Override
  public CompletableFuture<List<Extent>> status(
      String context, long offset, long length, int maxExtents) {
    return CompletableFuture.completedFuture(List.of(new Extent(length, 0)));
  }

  @Override
  public boolean tryRead(long offset, int length, ByteBuf into) {
    if (attempts) {
      synchronized (bytes) {
        into.writeBytes(bytes, (int) offset, length);
      }
    }
    return attempts;
  }

  @Override
  public boolean tryWrite(long offset, ByteBuf data) {
    if (attempts) {
      write(offset, data, 0);
    }
    return attempts;
  }
}
