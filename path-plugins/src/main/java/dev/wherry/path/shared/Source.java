package dev.wherry.path.shared;

import dev.wherry.nbd.Extent;
import dev.wherry.path.link.Priority;
import io.netty.buffer.ByteBuf;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** Where blocks come from that are not here. Safe on any thread; never blocks. */
public interface Source {
  /**
   * Reads whole units of {@link dev.wherry.path.map.BlockMap#UNIT} bytes, the volume's last one
   * excepted.
   *
   * @param length in bytes, 1 to 1 Mi
   * @return exactly that many bytes, which the caller releases; fails with {@link
   *     dev.wherry.nbd.NbdException}
   */
  CompletableFuture<ByteBuf> fetch(long offset, int length, Priority priority);

  /**
   * Which parts read as zeroes: {@link Extent#ZERO} in the flags.
   *
   * @return at least one extent, in order, from {@code offset} on
   */
  CompletableFuture<List<Extent>> extents(long offset, long length);

  /** The round trip without queueing in nanoseconds, or 0. */
  default long roundTripNanos() {
    return 0;
  }

  /** How it is written, or null where it cannot be. */
  default @Nullable Sink sink() {
    return null;
  }

  /** Ends the use of the source; nothing is in flight. */
  default CompletableFuture<Void> close() {
    return CompletableFuture.completedFuture(null);
  }

  /** What {@link ShareState#source} has of it. */
  String describe();
}
