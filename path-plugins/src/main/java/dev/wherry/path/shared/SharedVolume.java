package dev.wherry.path.shared;

import dev.wherry.path.BlockDevice;
import dev.wherry.path.link.LinkReply;
import dev.wherry.path.link.LinkRequest;
import dev.wherry.path.link.Links;
import dev.wherry.path.link.Priority;
import dev.wherry.path.map.BlockMap;
import dev.wherry.path.move.Mover;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ScheduledExecutorService;
import java.util.function.Function;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/** Placeholder of the engine's outside, so that others can be written against it. */
@SuppressWarnings("DoNotCallSuggester")
public abstract class SharedVolume implements dev.wherry.path.PathHandler {
  /**
   * What it is made of.
   *
   * @param suid the volume
   * @param node this node's name
   * @param store this node's device, or null where it keeps nothing; owned
   * @param size of the volume in bytes
   * @param blockSize the block map's unit in bytes
   * @param map the map that the state names, or null where it names none; owned
   * @param links the ways to other nodes
   * @param sources opens an NBD server that is a source
   * @param log the durable memory
   * @param timer for limits and the background
   * @param nanoClock as {@link System#nanoTime}
   * @param ioTimeout how long a host's request waits for another node
   */
  public record Parts(
      String suid,
      String node,
      @Nullable BlockDevice store,
      long size,
      int blockSize,
      @Nullable BlockMap map,
      Links links,
      Function<String, CompletableFuture<Source>> sources,
      ShareLog log,
      ScheduledExecutorService timer,
      LongSupplier nanoClock,
      Duration ioTimeout) {}

  /**
   * The last hand-over.
   *
   * @param stallNanos how long hosts of this node were held
   * @param at milliseconds since the epoch
   */
  public record Handover(long stallNanos, long at) {}

  /** Opens the engine in a state that was put before (or the first one, put by the caller). */
  public static SharedVolume open(Parts parts, ShareState state) {
    throw new UnsupportedOperationException();
  }

  public abstract ShareState state();

  /** Blocks of the volume; here: readable without any other node; dirty: differ from the source. */
  public record Blocks(long total, long here, long dirty) {}

  public abstract Blocks blocks();

  /** The background move, or null where none runs. */
  public abstract Mover.@Nullable Status move();

  public abstract @Nullable Handover handover();

  /** A member joins: the owner begins to keep what it needs for it. Durable when done. */
  public abstract CompletableFuture<Void> join(String node);

  /** A member is gone. Durable when done. */
  public abstract CompletableFuture<Void> leave(String node);

  /**
   * Takes the ownership. Fails with {@link ShareException} if it is refused; nothing has changed
   * then.
   *
   * @param force although the owner cannot be asked: the operator says that it is stopped
   */
  public abstract CompletableFuture<Void> activate(boolean force);

  /**
   * Asks the owner whether what is here is needed still, and forgets it. On success the state has
   * no store any more; the caller closes and frees the store.
   */
  public abstract CompletableFuture<Void> release();

  /** Whether all is here, committed and released: the plain local handler does as well. */
  public abstract boolean isPlain();

  /**
   * Gives the store away and closes the rest: for {@link dev.wherry.path.Volume#swap} to the plain
   * handler, while the volume is suspended.
   */
  public abstract CompletableFuture<@Nullable BlockDevice> detachStore();

  public abstract void policies(
      ReadPolicy read, WritePolicy write, java.util.List<RangePolicy> ranges, boolean manual);

  /** Limits of the background move. */
  public abstract void pace(Mover.Pace pace);

  /** Called when a node can be reached (again). */
  public abstract void up(String node);

  /** Answers another node's request about this volume, {@code SHARE} and the like excepted. */
  public abstract CompletableFuture<LinkReply> serve(
      String from, LinkRequest request, Priority priority);
}
