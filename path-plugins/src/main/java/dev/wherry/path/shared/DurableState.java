package dev.wherry.path.shared;

import dev.wherry.path.link.LinkReply.Status;
import java.util.concurrent.CompletableFuture;
import java.util.function.BiConsumer;
import java.util.function.UnaryOperator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A volume's {@link ShareState}: what it is now, which is what was put durably last, and the
 * changes of it, which follow each other. Whoever looks sees a change no sooner than it is durable,
 * but for one that was {@linkplain ShareState#promises promised}: a crash would make that, too.
 *
 * <p>Safe on any thread; never blocks. A change is made on the thread that asks for it or on the
 * one that ended the change before it.
 */
final class DurableState {
  private static final Logger LOG = LoggerFactory.getLogger(SharedVolume.class);

  private final String suid;
  private final ShareLog log;
  private final BiConsumer<ShareState, ShareState> changed;
  private final Runnable tried;
  private final Object lock = new Object();
  private CompletableFuture<Void> tail = CompletableFuture.completedFuture(null);
  private boolean closed;
  private volatile ShareState state;

  /** Belongs to the change whose turn it is. */
  private ShareState stored;

  /**
   * @param stored what was put before
   * @param state what is to be; {@link #update} puts it
   * @param changed is told of each state that is durable, and of the one before it, which is still
   *     the present one
   * @param tried is called when whoever asked for a change has been told how it ended, also of one
   *     that could not be put
   */
  DurableState(
      String suid,
      ShareLog log,
      ShareState stored,
      ShareState state,
      BiConsumer<ShareState, ShareState> changed,
      Runnable tried) {
    this.suid = suid;
    this.log = log;
    this.stored = stored;
    this.state = state;
    this.changed = changed;
    this.tried = tried;
  }

  ShareState now() {
    return state;
  }

  /**
   * Changes the state, durably. Fails with what the change throws, with {@link ShareException}
   * after {@link #close}, and as the log does; nothing has changed then.
   */
  CompletableFuture<ShareState> update(UnaryOperator<ShareState> change) {
    CompletableFuture<ShareState> result = new CompletableFuture<>();
    CompletableFuture<Void> before;
    CompletableFuture<Void> mine = new CompletableFuture<>();
    synchronized (lock) {
      if (closed) {
        return CompletableFuture.failedFuture(
            new ShareException(Status.REFUSED, "volume " + suid + " is closed"));
      }
      before = tail;
      tail = mine;
    }
    before.whenComplete((v, failure) -> put(change, result, mine));
    return result;
  }

  /** No change follows; done when the last one has ended. */
  CompletableFuture<Void> close() {
    synchronized (lock) {
      closed = true;
      return tail;
    }
  }

  private void put(
      UnaryOperator<ShareState> change,
      CompletableFuture<ShareState> result,
      CompletableFuture<Void> mine) {
    ShareState next;
    CompletableFuture<Void> durable;
    boolean promised;
    try {
      next = change.apply(state);
      promised = stored.promises(next);
      durable = next.equals(stored) ? CompletableFuture.completedFuture(null) : log.put(next);
    } catch (RuntimeException e) {
      mine.complete(null);
      result.completeExceptionally(e);
      return;
    }
    if (promised) {
      state = next;
      result.complete(next);
      tried.run();
    }
    durable.whenComplete(
        (v, failure) -> {
          if (failure == null) {
            stored = next;
            changed.accept(state, next);
            state = next;
          } else if (promised) {
            LOG.warn("volume {}: what it was promised is put later: {}", suid, failure.toString());
          }
          mine.complete(null);
          Failures.pass(next, failure, result);
          tried.run();
        });
  }
}
