package dev.wherry.path.io;

import io.netty.buffer.ByteBuf;
import java.util.concurrent.CompletableFuture;

/**
 * Requests through io_uring: many wait at once without a thread each. All engines of the process
 * share one ring, which exists as long as one of them does.
 */
public final class UringEngine implements IoEngine {
  private final UringRing ring;

  private UringEngine(UringRing ring) {
    this.ring = ring;
  }

  /**
   * Blocks for a moment if it is the first.
   *
   * @throws UnsupportedOperationException if the kernel or the container has no io_uring; the text
   *     says why
   */
  public static UringEngine open() {
    return new UringEngine(Shared.acquire());
  }

  @Override
  public String name() {
    return "uring";
  }

  @Override
  public CompletableFuture<Void> read(int fd, long offset, ByteBuf into, int length) {
    return ring.submit(UringRequest.read(fd, offset, into, length));
  }

  @Override
  public CompletableFuture<Void> write(int fd, long offset, ByteBuf data, int flags) {
    return data.isReadable()
        ? ring.submit(UringRequest.write(fd, offset, data, flags))
        : CompletableFuture.completedFuture(null);
  }

  @Override
  public CompletableFuture<Void> sync(int fd) {
    return ring.submit(UringRequest.sync(fd));
  }

  @Override
  public void close() {
    Shared.release();
  }

  /** The one ring, and how many use it. */
  private static final class Shared {
    private static UringRing ring;
    private static int users;

    static synchronized UringRing acquire() {
      if (users == 0) {
        ring = new UringRing();
      }
      users++;
      return ring;
    }

    static synchronized void release() {
      if (--users == 0) {
        ring.shutdown();
      }
    }
  }
}
