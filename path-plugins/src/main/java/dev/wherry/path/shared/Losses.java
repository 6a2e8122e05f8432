package dev.wherry.path.shared;

import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The {@linkplain ShareState#losses count of losses} that this node keeps durably: when it grows,
 * and which of it this node's hosts have been told. {@link Unflushed} says what a FLUSH is answered
 * by it, and lives as long as the daemon; here is what has to live longer.
 *
 * <p>Safe on any thread; never blocks. What cannot be made durable is logged, and noted with the
 * next occasion.
 */
final class Losses {
  private static final Logger LOG = LoggerFactory.getLogger(SharedVolume.class);

  private final String suid;
  private final String node;
  private final DurableState state;
  private final Unflushed unflushed;
  private final String boot;

  /**
   * A volume begins to serve.
   *
   * @param suid the volume
   * @param node this one
   * @param stored the state that the last one left behind
   * @param state the present one
   * @param unflushed what the daemon knows of this node's hosts
   * @param boot of the operating system, as {@link ShareState#boot}
   */
  Losses(
      String suid,
      String node,
      ShareState stored,
      DurableState state,
      Unflushed unflushed,
      String boot) {
    this.suid = suid;
    this.node = node;
    this.state = state;
    this.unflushed = unflushed;
    this.boot = boot;
    ShareState now = state.now();
    if (stored.role() == Role.OWNER && stored.isOf(boot)) {
      unflushed.wrote();
    }
    // The daemon has crashed. Hosts that come again do not know, and may not have flushed.
    if (stored.owes(boot)) {
      unflushed.answered(stored.losses() - 1);
    } else if (now.role() != Role.OWNER && boot.equals(stored.boot())) {
      unflushed.answered(stored.losses());
    }
    unflushed.seen(now.losses());
  }

  /**
   * A host's FLUSH was answered.
   *
   * @throws NbdException EIO if something that it covers may be lost; whoever asks again has been
   *     told
   */
  void flushed(Unflushed.Mark mark) {
    boolean kept = unflushed.flushed(mark);
    note(kept ? unflushed.latest() : unflushed.failedAt());
    if (!kept) {
      throw lost();
    }
  }

  private NbdException lost() {
    String why =
        "volume "
            + suid
            + ": its owner has lost its power, or was replaced by force: what hosts of node "
            + node
            + " have not flushed may be lost";
    LOG.warn("{}", why);
    return NbdException.harmless(NbdError.EIO, why);
  }

  /**
   * Counts a flush of the store that fails: what hosts of other nodes were answered may be lost.
   */
  CompletableFuture<Void> counting(CompletableFuture<Void> flush) {
    return flush.whenComplete(
        (v, failure) -> {
          if (failure != null) {
            failedToFlush(failure);
          }
        });
  }

  /** The store was not flushed: what hosts of other nodes were answered may be lost, too. */
  void failedToFlush(Throwable failure) {
    if (!(Failures.causeOf(failure) instanceof NbdException e && e.isHarmless())) {
      count().exceptionally(Failures::logged);
    }
  }

  /**
   * Counts a loss where this node owns the volume, durably when done. Hosts of its own that have
   * not flushed hear of it as well, if they were not there to see the volume fail.
   */
  CompletableFuture<Void> count() {
    ShareState now = state.now();
    boolean owes = now.role() == Role.OWNER && unflushed.losing(now.losses());
    return state
        .update(s -> s.role() == Role.OWNER ? (owes ? s.withLoss().owing(boot) : s.withLoss()) : s)
        .<Void>thenApply(s -> null);
  }

  /**
   * What a host of this node began has ended.
   *
   * @param done how
   * @param begun as {@link Unflushed#writing} said
   * @return as that, when the host may be told: where a loss was counted meanwhile, after {@link
   *     #owing}
   */
  CompletableFuture<Void> wrote(CompletableFuture<Void> done, long begun) {
    return done.isCompletedExceptionally() || unflushed.wrote(begun) ? done : owing();
  }

  /** Durably, when done, a host of this node is to be told of a loss. Never fails. */
  CompletableFuture<Void> owing() {
    return state
        .update(s -> s.owing(boot))
        .<Void>thenApply(s -> null)
        .exceptionally(Failures::logged);
  }

  /** Another node said how much is lost, or all hosts have been told. */
  void note(long count) {
    unflushed.seen(count);
    ShareState now = state.now();
    if (!unflushed.owes() && (count > now.losses() || now.owes(boot))) {
      state
          .update(
              s -> {
                ShareState told = s.told(boot);
                return s.role() != Role.OWNER && s.losses() < count ? told.withLosses(count) : told;
              })
          .<Void>thenApply(s -> null)
          .exceptionally(Failures::logged);
    }
  }

  /**
   * The node stops in peace; durably so, where nothing is left that is not flushed. Never fails.
   *
   * @param store this node's, or null where it keeps nothing
   */
  CompletableFuture<Void> stopped(@Nullable LayeredStore store) {
    ShareState s = state.now();
    boolean owner = s.role() == Role.OWNER;
    if (s.fence() != null || !unflushed.isEmpty() || (owner && store == null)) {
      return CompletableFuture.completedFuture(null);
    }
    CompletableFuture<Void> flushed =
        owner ? counting(store.flush()) : CompletableFuture.<Void>completedFuture(null);
    return flushed
        .thenCompose(v -> state.update(ShareState::stopped))
        .<Void>thenApply(v -> null)
        .exceptionally(Failures::logged);
  }
}
