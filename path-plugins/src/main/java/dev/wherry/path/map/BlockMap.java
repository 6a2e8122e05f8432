package dev.wherry.path.map;

import io.netty.buffer.ByteBuf;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The state of every block of one store. Looking is safe on any thread and takes no lock.
 *
 * <h2>What is durable, and when</h2>
 *
 * A change is in memory at once. It outlives {@code kill -9} once the method that made it has
 * returned (or its future is done), because it is in the page cache by then; it outlives a power
 * cut once a {@link #commit} that was called after it has succeeded. Three are in memory only until
 * that commit, and a kill takes them too: what was {@link #hydrated} or a {@link #hydratedHole} is
 * {@link #NOT_HERE} again, and is fetched again; what became the {@link #same} is {@link #NEWER}
 * again, and is given to the source again. After a crash blocks near one that was written may be
 * {@link #NEWER} that were {@link #SAME}. Whatever a crash takes away, what is left claims nothing
 * that the store does not hold:
 *
 * <ul>
 *   <li>that a block is here is claimed for good only after the store was flushed ({@link
 *       #commit});
 *   <li>until then a journal holds a hash of each unit that was written, and a block counts as here
 *       after a crash only if the store has, in each of its units, one of the contents written
 *       there since. So nobody needs to know whether a process or a machine died;
 *   <li>that a block which was {@link #SAME} may differ is durable before its new data is written:
 *       in extents of 4 MiB, so that it costs a sync per extent and not per block.
 * </ul>
 *
 * <h2>Who may call</h2>
 *
 * Whoever changes a block holds it: {@link #intend}, {@link #written}, {@link #zeroed} and {@link
 * #hydrated} of overlapping blocks never run at the same time. The caller sees to that.
 */
public interface BlockMap {
  /** Bytes of a unit, the grain of what is written: a block is one or more of them. */
  int UNIT = 4096;

  /** Only at the source. */
  int NOT_HERE = 0;

  /** Here, and the same as in the source. */
  int SAME = 1;

  /** Here, and may differ from the source. */
  int NEWER = 2;

  /** Reads as zeroes, whatever the store has there; may differ from the source. */
  int ZERO = 3;

  /** Bytes of a block, a power of two, 4 KiB to 1 MiB. */
  int blockSize();

  /** Number of blocks; the last one may be cut off by the volume's end. */
  long blocks();

  /** {@link #NOT_HERE}, {@link #SAME}, {@link #NEWER} or {@link #ZERO}. */
  int state(long block);

  /**
   * The end of the run of blocks from {@code from} on that have the state of {@code from}.
   *
   * @param end the run does not go beyond it; more than {@code from}
   */
  long runEnd(long from, long end);

  /** The first block of a state in {@code from} to {@code end}, or {@code end}. */
  long next(int state, long from, long end);

  /**
   * The first block that is not of a state in {@code from} to {@code end}, or {@code end}: of what
   * {@link #state} said of {@code from}, which may not be so any more, it is the run of that.
   */
  long nextOther(int state, long from, long end);

  /**
   * Whether all of these blocks are {@link #NEWER} for good: data may be written to them, in
   * whatever parts, without a word to the map. Once true it stays so until {@link #zeroed} or
   * {@link #same}.
   */
  boolean settled(long from, long end);

  /**
   * Whether it is durable that the block is here (or reads as zeroes). While that is not so, only
   * {@link #intend} followed by a write of the same whole units may change it.
   */
  boolean durable(long block);

  /** Blocks that are not {@link #NOT_HERE}. */
  long here();

  /** Blocks that are {@link #NEWER} or {@link #ZERO}. */
  long dirty();

  /**
   * Whether data of the source may be put in the store now, see {@link #hydrated}. Not where the
   * map came back from a crash and there was no room to write down which of what was intended is
   * void: what is put there in part might be taken for it.
   */
  boolean takesData();

  /**
   * Says what will be written, before it is.
   *
   * @param offset in bytes, a multiple of {@link #UNIT}
   * @param data whole units (the volume's last one may be cut off); lent until the future is done.
   *     Of a block that is not durably here it covers all units, or the block is {@link #NEWER} and
   *     its other units were intended before
   * @return done when the data may be written to the store; most often at once
   */
  CompletableFuture<Void> intend(long offset, ByteBuf data);

  /** The data of the last {@link #intend} is in the store: the blocks are {@link #NEWER}. */
  void written(long from, long end);

  /** The blocks read as zeroes from now on. The store may be asked to forget them afterwards. */
  CompletableFuture<Void> zeroed(long from, long end);

  /**
   * The source's data is in the store: those that are {@link #NOT_HERE} are {@link #SAME}. Nothing
   * is written down before the next {@link #commit}.
   */
  void hydrated(long from, long end);

  /**
   * The source reads as zeroes there, and the store does too because nothing was ever written to
   * it: those that are {@link #NOT_HERE} are {@link #SAME}. Nothing is written down before the next
   * {@link #commit}.
   */
  void hydratedHole(long from, long end);

  /**
   * Whatever they are now ({@link #NOT_HERE} excepted, which stays), the blocks may differ from the
   * source from now on. When done it is durable that none of them is the same; those that were not
   * {@link #durable} may still be {@link #NOT_HERE} after a crash.
   */
  CompletableFuture<Void> differ(long from, long end);

  /**
   * Blocks that are {@link #NEWER} are {@link #SAME} again: the source has been given them,
   * durably. The caller holds them, and knows that nothing was written to them since.
   *
   * <p>In memory only, and not {@link #durable}, until a {@link #commit} that is called afterwards:
   * their last data may not be flushed, and must be before they may be claimed to be the source's.
   * A crash before that leaves them anything but the same.
   */
  void same(long from, long end);

  /**
   * The blocks are {@link #NOT_HERE} again. For a map that nobody reads, writes or commits
   * meanwhile.
   */
  CompletableFuture<Void> forgotten(long from, long end);

  /**
   * Makes durable what outlives a kill. It does not {@link #commit}: it claims no more than that.
   */
  CompletableFuture<Void> force();

  /** Takes note of blocks whose state may have changed. */
  interface Watcher {
    /** Called with the map's lock, before the change is acknowledged to anybody; never blocks. */
    void changed(long from, long end);
  }

  /** Has one told of all changes from now on, or none any more. */
  void watch(@Nullable Watcher watcher);

  /**
   * Makes durable all changes made before the call: has the store flushed, then writes down what
   * that made true, and forces it. Blocks that change while it runs are left to the next one, as
   * far as what was flushed is no longer what they are.
   *
   * <p>One runs at a time. Calls that come meanwhile wait for the next one together, because its
   * flush must begin after them; it uses the flush of the first of them. One that fails does not
   * fail the next. If there is nothing to write down, a call is its flush, beside others.
   *
   * @param flushStore flushes all that was written to the store before it is called; called at
   *     once, later, or not at all, see above
   * @return fails as the flush does, with EIO if the map's own file cannot be written, with ENOSPC
   *     if there is no space for it; nothing is claimed then, and but for EIO the next one may
   */
  CompletableFuture<Void> commit(Supplier<CompletableFuture<Void>> flushStore);

  /**
   * Ends the use of the map without a commit. Its file stays. No other call is running or follows.
   */
  CompletableFuture<Void> close();
}
