package dev.wherry.path.shared;

import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * When this node takes what the owner writes to its source: as a former owner, and not while it
 * takes the ownership itself. The {@link Receiver} does as it is told; here is what it is told in
 * which role.
 *
 * <p>Safe on any thread; never blocks.
 */
final class Receiving {
  private final Supplier<ShareState> state;

  /** Null where nothing is kept. */
  private volatile @Nullable Receiver receiver;

  /**
   * @param state the present one
   * @param receiver writes to this node's store; null where it has none
   */
  Receiving(Supplier<ShareState> state, @Nullable Receiver receiver) {
    this.state = state;
    this.receiver = receiver;
  }

  /** What takes the owner's writes, or null where nothing is kept. */
  @Nullable Receiver receiver() {
    return receiver;
  }

  /** As {@link #receiver}, which is null from now on. */
  @Nullable Receiver take() {
    Receiver r = receiver;
    receiver = null;
    return r;
  }

  /** What was received before this start is made whole, or is for another store. */
  void begin() {
    Receiver r = receiver;
    if (r != null && state.get().role() == Role.FORMER) {
      // Whoever takes the ownership waits for it.
      r.recover().exceptionally(Failures::logged);
    } else if (r != null && state.get().role() == Role.STANDBY) {
      // What there is was sent for an earlier store of this node.
      r.discard().exceptionally(Failures::logged);
    }
    accept();
  }

  /** Nothing is written here by another node any more; see {@link Receiver#seal}. */
  CompletableFuture<Void> seal() {
    Receiver r = receiver;
    // A standby was sent nothing, and hosts wait.
    return r == null || state.get().role() == Role.STANDBY
        ? CompletableFuture.completedFuture(null)
        : r.seal();
  }

  /** Takes back {@link #seal}, unless this node owns the volume. */
  void unseal() {
    Receiver r = receiver;
    if (r != null && state.get().role() != Role.OWNER) {
      r.open();
    }
  }

  /** Why what is kept here is of no one time, or null. Of a node that does not own the volume. */
  @Nullable String damage() {
    Receiver r = receiver;
    return r == null || state.get().role() != Role.FORMER ? null : r.damage();
  }

  /** It is the owner's map that says by now what of this node's store is valid. */
  void accept() {
    Receiver r = receiver;
    if (r != null && state.get().role() == Role.OWNER) {
      r.accept().exceptionally(Failures::logged);
    }
  }

  /** Ends one; never fails. */
  static CompletableFuture<Void> closed(Receiver r) {
    return r.close().exceptionally(Failures::logged);
  }
}
