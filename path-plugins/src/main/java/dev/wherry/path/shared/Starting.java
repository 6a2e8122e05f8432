package dev.wherry.path.shared;

import dev.wherry.nbd.NbdException;
import dev.wherry.path.Answers;
import dev.wherry.path.VolumeState;
import dev.wherry.path.link.LinkReply.Status;
import dev.wherry.path.map.BlockMap;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The start of a volume's engine: hosts wait until what a crash left in doubt in the map is
 * certain, and it is durable that what was not flushed before a loss of power is lost. Where there
 * is no room to write that down, in the map or in the state, they wait until there is, and so does
 * whoever wants to change the volume's place.
 *
 * <p>Safe on any thread; never blocks. Begun once.
 */
final class Starting {
  private static final Logger LOG = LoggerFactory.getLogger(SharedVolume.class);

  /** How soon is tried again what there was no room for. */
  private static final long ROOM_MILLIS = 1000;

  private final Core core;
  private volatile boolean over;

  /** Why there is no room; null where there is, as far as is known. */
  private volatile @Nullable String waitsFor;

  Starting(Core core) {
    this.core = core;
  }

  /**
   * Begins.
   *
   * @param before what was put last
   * @param goOn called at the end, unless the volume has failed, or was ended before
   */
  void begin(ShareState before, Runnable goOn) {
    LayeredStore store = core.store();
    BlockMap map = store == null ? null : store.map();
    if (map == null && before.equals(core.state())) {
      over = true;
      goOn.run();
      return;
    }
    CompletableFuture<Boolean> ended = new CompletableFuture<>();
    core.fence().starting(ended);
    boolean fenced = core.state().fence() != null;
    boolean rebooted = !before.isOf(core.parts().boot());
    core.inner()
        .suspend()
        .thenCompose(
            v ->
                map == null || !rebooted
                    ? Answers.done()
                    : withRoom(() -> forget(map, before.outdated())))
        .thenCompose(v -> put(s -> s))
        .thenCompose(
            v ->
                map == null
                    ? Answers.done()
                    : withRoom(() -> core.losses().counting(store.flush())))
        .thenCompose(v -> put(s -> s.begun(core.parts().boot())))
        .whenComplete(
            (v, failure) -> {
              // A fence that was raised meanwhile has hosts go on, who are refused then.
              boolean held = failure == null && !fenced && core.state().fence() != null;
              if (failure != null) {
                core.inner().fail(failure);
              } else if (!held) {
                core.inner().resume();
              }
              over = true;
              core.checkConditions();
              ended.complete(held);
              if (failure == null) {
                goOn.run();
              }
            });
  }

  /** Whether hosts are held no more: they are served, or the volume has failed. */
  boolean isOver() {
    return over;
  }

  /**
   * Waits for the end as long as an operator's command does; on the thread of that end, or at once.
   * Fails with {@link ShareException} if it does not come in time, and says what helps: with {@link
   * Status#NO_SPACE} where it waits for room.
   */
  CompletableFuture<Void> soonOver() {
    return over
        ? Answers.done()
        : core.soon(this::isOver).thenCompose(met -> met ? Answers.done() : refused());
  }

  /** Why the volume's place may not be changed yet, and what helps. */
  private CompletableFuture<Void> refused() {
    String why = waitsFor;
    String volume = "volume " + core.suid();
    return why == null
        ? Peers.refused(
            Status.REFUSED,
            volume + " is being started on node " + core.node() + " still; ask again")
        : Peers.refused(
            Status.NO_SPACE,
            "node "
                + core.node()
                + " has no room to write down what has to be certain before hosts use "
                + volume
                + " ("
                + why
                + "); make room where it keeps its data: hosts go on by themselves then, and what"
                + " was asked for is possible");
  }

  private CompletableFuture<Void> put(UnaryOperator<ShareState> change) {
    return withRoom(() -> core.update(change).thenAccept(s -> {}));
  }

  /** Does it again as long as there is no room for it and nobody has ended the volume. */
  private CompletableFuture<Void> withRoom(Supplier<CompletableFuture<Void>> step) {
    CompletableFuture<Void> done = new CompletableFuture<>();
    attempt(step, done);
    return done;
  }

  private void attempt(Supplier<CompletableFuture<Void>> step, CompletableFuture<Void> done) {
    Answers.done()
        .thenCompose(v -> step.get())
        .whenComplete(
            (v, failure) -> {
              if (failure == null) {
                waitsFor = null;
                done.complete(null);
              } else if (Failures.isNoRoom(failure)
                  && Failures.causeOf(failure) instanceof NbdException e
                  && e.isHarmless()) {
                later(
                    String.valueOf(e.getMessage()),
                    () -> {
                      if (core.inner().state() == VolumeState.SUSPENDED) {
                        attempt(step, done);
                      } else {
                        done.completeExceptionally(failure);
                      }
                    });
              } else {
                done.completeExceptionally(failure);
              }
            });
  }

  private void later(String why, Runnable again) {
    if (waitsFor == null) {
      LOG.warn("volume {}: hosts wait until there is room: {}", core.suid(), why);
    }
    waitsFor = why;
    core.parts().timer().schedule(again, ROOM_MILLIS, TimeUnit.MILLISECONDS);
  }

  /** The machine lost its power before the map had forgotten these durably. */
  private static CompletableFuture<Void> forget(BlockMap map, List<Run> outdated) {
    return Answers.join(outdated.stream().map(r -> map.forgotten(r.from(), r.end())).toList());
  }
}
