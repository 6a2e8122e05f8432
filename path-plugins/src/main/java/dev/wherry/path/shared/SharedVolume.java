package dev.wherry.path.shared;

import dev.wherry.nbd.ExportInfo;
import dev.wherry.nbd.Extent;
import dev.wherry.nbd.FileSlice;
import dev.wherry.nbd.NbdError;
import dev.wherry.path.Answers;
import dev.wherry.path.BlockDevice;
import dev.wherry.path.PathHandler;
import dev.wherry.path.Volume;
import dev.wherry.path.VolumeState;
import dev.wherry.path.link.LinkReply;
import dev.wherry.path.link.LinkRequest;
import dev.wherry.path.link.Priority;
import dev.wherry.path.move.Mover;
import io.netty.buffer.ByteBuf;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * A volume that several nodes have, as one of them sees it.
 *
 * <p>Hosts' requests go to a handler that is their owner's or sends them to the owner; which one is
 * there changes when the ownership does, while requests are held. A request that finds that the
 * ownership has moved is made again, until the host's time is over.
 *
 * <p>Safe on any thread; never blocks.
 */
public final class SharedVolume implements PathHandler {
  /**
   * The last hand-over.
   *
   * @param stallNanos how long hosts of this node were held
   * @param at milliseconds since the epoch
   */
  public record Handover(long stallNanos, long at) {}

  /**
   * The block map in figures.
   *
   * @param total blocks of the volume; the last one may be partial
   * @param here readable without any other node
   * @param dirty may differ from the source
   */
  public record Blocks(long total, long here, long dirty) {}

  private final ExportInfo info;
  private final Core core;
  private final Starting starting;
  private final Moves moves;
  private final Ownership ownership;
  private final Release release;
  private final Serving serving;
  private final Members members;
  private final Attempts attempts;
  private final HostChanges changes;
  private final Ending ending;

  private SharedVolume(Parts parts, ShareState stored, ShareState state) {
    info = SharedInfo.of(parts.size());
    core = new Core(parts, stored, state);
    starting = new Starting(core);
    moves = new Moves(core);
    ownership = new Ownership(core, moves, starting);
    release = new Release(core, moves, starting);
    Giving giving = new Giving(core, moves, starting);
    serving = new Serving(core, ownership, giving, release);
    members = new Members(core, ownership, giving, release);
    attempts = new Attempts(core);
    changes = new HostChanges(core, ownership, attempts);
    ending = new Ending(core, moves);
    core.knownOwner()
        .onLearned(
            () -> {
              moves.refresh();
              ownership.learned();
            });
    core.fence().onRaised(moves::rest);
    core.knownOwner().onNamed(ownership::named);
  }

  /**
   * Opens it in a state that was put before (or the first one, put by the caller).
   *
   * @throws IllegalArgumentException if there is a store, and the state names a read policy that is
   *     not there; nothing has happened then
   */
  public static SharedVolume open(Parts parts, ShareState state) {
    ShareState now = state.started(parts.boot());
    SharedVolume volume = new SharedVolume(parts, state, now);
    volume.starting.begin(state, volume::goOn);
    return volume;
  }

  private void goOn() {
    core.presentRole().start();
    if (core.state().fence() != null) {
      core.fence().count();
    }
    moves.refresh();
    ownership.goOn();
  }

  // ------------------------------------------------------------------ for operators

  public ShareState state() {
    return core.state();
  }

  public Blocks blocks() {
    return core.blocks();
  }

  /** What only this node may have, while it is fenced: an upper bound. Null otherwise. */
  public @Nullable Divergence divergence() {
    return core.fence().divergence();
  }

  /**
   * The states of blocks as {@code wherry:state} shows them, also where hosts are refused.
   *
   * @param most extents at most
   */
  public List<Extent> states(long offset, long length, int most) {
    return core.states(offset, length, most);
  }

  /** The background move, or null where none runs. */
  public Mover.@Nullable Status move() {
    return moves.status();
  }

  public @Nullable Handover handover() {
    return core.lastHandover().get();
  }

  /** How far the source is behind; null where it does not follow: not the owner, or local. */
  public @Nullable Lag lag() {
    return core.presentRole().lag();
  }

  /**
   * Why what this node keeps is of no one time, or null where it is not known to be so: a batch of
   * the owner's changes was damaged here. Until the owner has sent it again it may not be taken
   * over by force without a word.
   */
  public @Nullable String damage() {
    return core.receiving().damage();
  }

  /**
   * What this node, an owner by force, has not got: how many blocks, and where they would have to
   * come from. Null where it has all, or does not own the volume by force.
   */
  public @Nullable String without() {
    return Without.ofOwner(core);
  }

  /**
   * That another node has a volume of this name for itself, where this node owns one: the operator
   * has to say which one it is. Null where no such node was heard of.
   */
  public @Nullable String rival() {
    return ownership.peers().rival().shown();
  }

  /** Completes with the reason when another node has been forced to take the volume over. */
  public CompletableFuture<String> fenced() {
    return core.fence().still();
  }

  /** Who has a part in the volume, for the owner to change. */
  public Members members() {
    return members;
  }

  /** Why nobody is served any more; null where hosts are, or nothing but a fence is the reason. */
  public @Nullable Throwable failure() {
    Volume inner = core.inner();
    return inner.state() == VolumeState.FAILED ? inner.failure().orElse(null) : null;
  }

  /**
   * Counts, durably, that what hosts have not flushed may be lost, where this node owns the volume:
   * it has failed, and is to be opened anew.
   */
  public CompletableFuture<Void> lost() {
    return core.losses().count();
  }

  /** Tells a node what this one knows of the owner; never fails. */
  public CompletableFuture<Void> tell(String node) {
    return ownership.tell(node);
  }

  /**
   * Done with true once this node knows of an owner of this epoch, or a later one, of which it is
   * being told; with false if that takes too long.
   */
  public CompletableFuture<Boolean> hearsOf(long epoch) {
    return core.soon(() -> core.state().epoch() >= epoch);
  }

  /**
   * Takes the ownership. Fails with {@link ShareException} if it is refused; nothing has changed
   * then.
   *
   * @param force although the owner cannot be asked: the operator says that it is stopped. Where
   *     this node is fenced: back from its successor, which is lost
   */
  public CompletableFuture<Void> activate(boolean force) {
    return activate(force, false);
  }

  /**
   * As {@link #activate(boolean)}.
   *
   * @param inconsistent by force also where {@link #damage} tells that what is here is of no one
   *     time
   */
  public CompletableFuture<Void> activate(boolean force, boolean inconsistent) {
    return ownership.activate(force, inconsistent);
  }

  /** Asks a node to take the ownership: back, where it is the source. On the owner. */
  public CompletableFuture<Void> giveTo(String node) {
    return ownership.giveTo(node);
  }

  /**
   * Asks the owner whether what is here is needed still, and forgets it. On success the state has
   * no store any more; the caller closes and frees the store. On the owner of a volume whose source
   * is an NBD server: lets go of that.
   *
   * @return the store, where this node gave it up
   */
  public CompletableFuture<@Nullable BlockDevice> release() {
    return release.release();
  }

  /** Whether all is here, committed and released: the plain local handler does as well. */
  public boolean isPlain() {
    ShareState s = core.state();
    return s.role() == Role.OWNER
        && s.source() == null
        && s.map() == 0
        && s.fence() == null
        && core.unflushed().isEmpty();
  }

  /**
   * Ends the engine and gives its store away, not closed: for {@link dev.wherry.path.Volume#swap}
   * to the plain handler, while the volume is suspended.
   */
  public CompletableFuture<@Nullable BlockDevice> detachStore() {
    return ending.detachStore();
  }

  /**
   * Changes policies; durable when done. Another write policy waits for the end of a start that
   * waits for room, and is refused with {@link ShareException} if that does not come in time.
   *
   * @param read a name
   * @throws IllegalArgumentException if a policy is unknown
   */
  public CompletableFuture<Void> policies(
      String read, WritePolicy write, List<RangePolicy> ranges, boolean manual) {
    WritePolicy before = core.state().write();
    Policies policies = core.policies(read, ranges);
    return (before == write ? Answers.done() : starting.soonOver())
        .thenCompose(v -> core.update(s -> s.withPolicies(read, write, ranges, manual)))
        .thenCompose(
            s -> {
              LayeredStore store = core.store();
              if (store != null) {
                store.policies(policies);
              }
              moves.refresh();
              return core.presentRole().rewire(before != write);
            });
  }

  /**
   * When hosts are held by the start no more; refused with {@link ShareException} if that does not
   * come in time.
   */
  public CompletableFuture<Void> started() {
    return starting.soonOver();
  }

  /**
   * Says whether hosts wait while the source is away under {@link WritePolicy#THROUGH}; see {@link
   * Following#stall}. Done when it is so; refused as {@link #policies}.
   */
  public CompletableFuture<Void> stall(boolean value) {
    return core.state().write() == WritePolicy.THROUGH
        ? starting.soonOver().thenCompose(v -> core.presentRole().stall(value))
        : core.presentRole().stall(value);
  }

  /** Limits of the background move. */
  public void pace(Mover.Pace pace) {
    moves.pace(pace);
  }

  /** A node can be reached (again). */
  public void up(String node) {
    ownership.up(node);
    core.checkConditions();
    core.presentRole().retry();
    moves.refresh();
  }

  /**
   * Answers another node's request about this volume; {@code SHARE} and the like are not for it.
   */
  public CompletableFuture<LinkReply> serve(String from, LinkRequest request, Priority priority) {
    return serving.serve(from, request, priority);
  }

  // ------------------------------------------------------------------ hosts' requests

  @Override
  public boolean tryRead(long offset, int length, ByteBuf into) {
    return core.inner().tryRead(offset, length, into);
  }

  @Override
  public boolean tryWrite(long offset, ByteBuf data) {
    return changes.tryWrite(offset, data);
  }

  @Override
  public @Nullable FileSlice trySend(long offset, int length) {
    return core.inner().trySend(offset, length);
  }

  @Override
  public CompletableFuture<ByteBuf> read(long offset, int length) {
    return attempts.of(() -> core.inner().read(offset, length));
  }

  @Override
  public CompletableFuture<Void> write(long offset, ByteBuf data, int flags) {
    return changes.make(() -> core.inner().write(offset, data, flags));
  }

  @Override
  public CompletableFuture<Void> flush() {
    return changes.flush();
  }

  @Override
  public CompletableFuture<Void> trim(long offset, long length, int flags) {
    return changes.make(() -> core.inner().trim(offset, length, flags));
  }

  @Override
  public CompletableFuture<Void> zero(long offset, long length, int flags) {
    return changes.make(() -> core.inner().zero(offset, length, flags));
  }

  @Override
  public CompletableFuture<Void> cache(long offset, long length) {
    return attempts.of(() -> core.inner().cache(offset, length));
  }

  @Override
  public CompletableFuture<List<Extent>> status(
      String context, long offset, long length, int maxExtents) {
    return attempts.of(() -> core.inner().status(context, offset, length, maxExtents));
  }

  // ------------------------------------------------------------------ as a handler

  @Override
  public ExportInfo info() {
    return info;
  }

  @Override
  public String name() {
    return core.inner().handler().name();
  }

  @Override
  public String describe() {
    LayeredStore store = core.store();
    return store == null ? "none" : store.device().describe();
  }

  @Override
  public Map<String, Object> status() {
    Blocks b = blocks();
    return Map.of("total", b.total(), "here", b.here(), "dirty", b.dirty());
  }

  @Override
  public CompletableFuture<Void> resize(long size) {
    return Answers.failed(
        NbdError.ENOTSUP, "volume " + core.suid() + " is shared: its size cannot be changed");
  }

  /**
   * Waits for other nodes and servers no more: what is asked of them fails. For a volume that is
   * being deleted, whose source may be away for good; {@link #close} follows.
   */
  public void giveUp() {
    core.giveUp();
  }

  @Override
  public CompletableFuture<Void> close() {
    return ending.close();
  }
}
