package dev.wherry.path.shared;

import io.netty.buffer.ByteBuf;
import java.io.Serial;
import java.util.concurrent.CompletableFuture;

/**
 * A source that can be written: what makes the policies {@link WritePolicy#BACK} and {@link
 * WritePolicy#THROUGH} possible. Futures fail with {@link dev.wherry.nbd.NbdException}, within the
 * limit that the sink was made with. Safe on any thread; never blocks.
 *
 * <h2>Batches</h2>
 *
 * {@link #begin} names a batch and drops what was sent of any other; {@link #put} and {@link
 * #putZero} add to it, in any order, each block once; {@link #commit} makes all of it the source's
 * content, durably. What comes late of another batch is refused.
 *
 * <h2>Writes</h2>
 *
 * {@link #write}, {@link #zero} and {@link #flush} are done as they come. Each names the batch that
 * was committed last; once another one has been, what comes late is refused.
 */
interface Sink {
  /** A write covers a part of a block that the source can complete only by asking the owner. */
  final class WholeBlocks extends RuntimeException {
    @Serial private static final long serialVersionUID = 1;

    WholeBlocks(String message) {
      super(message, null, false, false);
    }
  }

  /** Begins a batch; the number is larger than any before. */
  CompletableFuture<Long> begin();

  /**
   * Adds data to a batch.
   *
   * @param data whole blocks, up to 1 MiB; owned by the sink from now on
   */
  CompletableFuture<Void> put(long batch, long offset, ByteBuf data);

  /** Adds blocks that read as zeroes to a batch. */
  CompletableFuture<Void> putZero(long batch, long offset, long length);

  /**
   * Ends a batch: done when the source has all of it, durably.
   *
   * @param pieces how many were put
   */
  CompletableFuture<Void> commit(long batch, long pieces);

  /**
   * Writes.
   *
   * @param data lent for the call alone
   * @return fails with {@link WholeBlocks} if nothing was done because whole blocks are needed
   */
  CompletableFuture<Void> write(long batch, long offset, ByteBuf data);

  /** Makes whole blocks read as zeroes. */
  CompletableFuture<Void> zero(long batch, long offset, long length);

  /** Makes durable what was written since the last flush or commit; fails if some of it is lost. */
  CompletableFuture<Void> flush(long batch);
}
