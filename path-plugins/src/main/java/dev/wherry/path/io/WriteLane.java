package dev.wherry.path.io;

import io.netty.buffer.ByteBuf;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The buffered writes of one regular file, one after the other on one thread of a pool.
 *
 * <p>File systems hold a lock of the file while they copy to its page cache, so several threads do
 * not write faster than one; and where processors are busy, each write then begins with waking the
 * thread that waits for the lock. During a move, 30 threads were seen to wait for it (ext4, 2 cores).
 * io_uring serialises such writes for the same reason.
 *
 * <p>Safe on any thread; does not block.
 */
final class WriteLane {
  private record Write(int fd, long offset, ByteBuf data, CompletableFuture<Void> done) {}

  private final Blocking pool;
  private final Queue<Write> waiting = new ConcurrentLinkedQueue<>();

  /** Writes that wait or run. Whoever raises it from 0 starts the thread. */
  private final AtomicInteger writes = new AtomicInteger();

  WriteLane(Blocking pool) {
    this.pool = pool;
  }

  /** As {@link IoEngine#write} without flags. */
  CompletableFuture<Void> write(int fd, long offset, ByteBuf data) {
    Write w = new Write(fd, offset, data, new CompletableFuture<>());
    waiting.add(w);
    if (writes.getAndIncrement() == 0) {
      pool.call(this::drain).exceptionally(this::refused);
    }
    return w.done;
  }

  private Void drain() {
    do {
      Write w = waiting.remove();
      try {
        ByteBuf data = w.data;
        BufferIo.write(w.fd, w.offset, data, data.readerIndex(), data.readableBytes(), 0);
        w.done.complete(null);
      } catch (Throwable e) {
        w.done.completeExceptionally(e);
      }
    } while (writes.decrementAndGet() > 0);
    return null;
  }

  /** The pool takes nothing any more: the program ends. */
  private Void refused(Throwable failure) {
    do {
      waiting.remove().done.completeExceptionally(failure);
    } while (writes.decrementAndGet() > 0);
    return null;
  }
}
