package dev.wherry.path.shared;

import io.netty.buffer.ByteBuf;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;

/**
 * What this node's hosts change, and the FLUSH that is to cover it: each change is noted as {@link
 * Unflushed} before it is made and when it is done, and is what has a standby {@linkplain
 * Ownership#written take over}.
 *
 * <p>Safe on any thread; never blocks.
 */
final class HostChanges {
  private final Core core;
  private final Ownership ownership;
  private final Attempts attempts;

  HostChanges(Core core, Ownership ownership, Attempts attempts) {
    this.core = core;
    this.ownership = ownership;
    this.attempts = attempts;
  }

  /** As {@link dev.wherry.nbd.Export#tryWrite}. */
  boolean tryWrite(long offset, ByteBuf data) {
    long begun = core.unflushed().writing();
    boolean written = core.inner().tryWrite(offset, data);
    if (written && !core.unflushed().wrote(begun)) {
      var unused = core.losses().owing(); // Nobody can wait for it here.
    }
    return written;
  }

  /**
   * Makes a change; see {@link Attempts#of}. A FLUSH that begins while it is under way does not
   * cover it: so it is said again.
   */
  CompletableFuture<Void> make(Supplier<CompletableFuture<Void>> change) {
    long begun = core.unflushed().writing();
    ownership.written();
    CompletableFuture<Void> done = attempts.of(change);
    return done.isDone()
        ? core.losses().wrote(done, begun)
        : done.thenCompose(v -> core.losses().wrote(done, begun));
  }

  /** Covers what was made before, or fails as {@link Losses#flushed} says. */
  CompletableFuture<Void> flush() {
    Unflushed.Mark mark = core.unflushed().begin();
    return attempts
        .of(() -> core.inner().flush())
        .whenComplete((v, failure) -> core.unflushed().ended(mark, failure == null))
        .thenAccept(v -> core.losses().flushed(mark));
  }
}
