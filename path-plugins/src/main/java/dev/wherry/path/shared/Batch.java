package dev.wherry.path.shared;

import dev.wherry.path.map.BlockMap;
import io.netty.buffer.ByteBuf;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * The blocks that the source gets as one, with the content of the moment in which the batch was
 * made. A block stays <em>unread</em> until that content was read: to be sent, or because a host is
 * about to overwrite it; what is read for a host is kept here, within a bound, until it is sent.
 *
 * <p>Safe on any thread. Whoever reads or overwrites an unread block holds it.
 */
final class Batch {
  /**
   * A part of it.
   *
   * @param data null for zeroes
   */
  record Piece(long offset, long length, @Nullable ByteBuf data) {
    void release() {
      if (data != null) {
        data.release();
      }
    }
  }

  private final LayeredStore store;
  private final BlockMap map;
  private final BlockSet blocks;
  private final BlockSet unread = new BlockSet();
  private final long memory;
  private final int largest;
  private final long since;
  private final ArrayDeque<Piece> kept = new ArrayDeque<>();
  private final CompletableFuture<Void> end = new CompletableFuture<>();
  private final InFlight keeping = new InFlight();
  private List<Runnable> waiting = new ArrayList<>();
  private long bytes;
  private long cursor;
  private boolean over;

  /**
   * @param blocks nobody changes it any more
   * @param memory bytes that it may keep
   * @param largest bytes of a piece at most, a block excepted
   * @param since when the oldest change in it was made
   */
  Batch(LayeredStore store, BlockMap map, BlockSet blocks, long memory, int largest, long since) {
    this.store = store;
    this.map = map;
    this.blocks = blocks;
    this.memory = memory;
    this.largest = largest;
    this.since = since;
    blocks.runs(store.blocks()).forEach(r -> unread.add(r.from(), r.end()));
  }

  BlockSet blocks() {
    return blocks;
  }

  long since() {
    return since;
  }

  /** Done when it is in the source; failed if it was given up. */
  CompletableFuture<Void> end() {
    return end;
  }

  /** Ends it once; what it keeps is forgotten, and who waits for room goes on. */
  void end(@Nullable Throwable failure) {
    List<Runnable> ready;
    List<Piece> forgotten;
    synchronized (this) {
      if (over) {
        return;
      }
      over = true;
      ready = waiting;
      waiting = List.of();
      forgotten = List.copyOf(kept);
      kept.clear();
    }
    forgotten.forEach(Piece::release);
    Failures.pass(null, failure, end);
    ready.forEach(Runnable::run);
  }

  synchronized boolean isOver() {
    return over;
  }

  // ------------------------------------------------------------------ for hosts that overwrite

  /** What a host has to do before it overwrites. */
  enum Room {
    /** Nothing, or to wait for {@link Batch#keep}. */
    FREE,
    /** To come again when there is room. */
    FULL,
    /** There never will be. */
    TOO_MUCH
  }

  /**
   * Sees to it that blocks may be overwritten.
   *
   * @param reads gets the reads to wait for, if the answer is FREE
   */
  Room keep(long first, long to, List<CompletableFuture<Void>> reads) {
    List<Run> runs;
    synchronized (this) {
      if (over) {
        return Room.FREE;
      }
      runs = unread(first, to);
      long need = 0;
      for (Run r : runs) {
        need += map.state(r.from()) == BlockMap.ZERO ? 0 : length(r);
      }
      if (need > memory) {
        return Room.TOO_MUCH;
      }
      if (bytes > 0 && bytes + need > memory && need > 0) {
        return Room.FULL;
      }
      bytes += need;
      unread.remove(first, to);
      // Within the lock: who finds nothing unread must find these being kept.
      runs.forEach(r -> keeping.enter());
    }
    for (Run r : runs) {
      reads.add(read(r).thenAccept(this::keep).whenComplete((v, failure) -> keeping.leave()));
    }
    return Room.FREE;
  }

  private void keep(Piece piece) {
    synchronized (this) {
      if (!over) {
        kept.add(piece);
        return;
      }
    }
    piece.release();
  }

  /** Runs an action when there may be room; at once if it is over. */
  void whenRoom(Runnable action) {
    synchronized (this) {
      if (!over && bytes > 0) {
        waiting.add(action);
        return;
      }
    }
    action.run();
  }

  // ------------------------------------------------------------------ for sending

  /** What was kept for a host and is not sent yet. {@link #sent} gives its room back. */
  synchronized @Nullable Piece takeKept() {
    return kept.poll();
  }

  /** A piece of {@link #takeKept} is not in memory any more. */
  void sent(Piece piece) {
    List<Runnable> ready;
    synchronized (this) {
      bytes -= piece.data == null ? 0 : piece.length;
      if (over || waiting.isEmpty()) {
        return;
      }
      ready = waiting;
      waiting = new ArrayList<>();
    }
    ready.forEach(Runnable::run);
  }

  /** Done when nothing is being read for hosts. */
  CompletableFuture<Void> keptAll() {
    return keeping.drained();
  }

  synchronized boolean hasKept() {
    return !kept.isEmpty();
  }

  /** The next run to be read, up to a piece of data or any number of zeroes; null at the end. */
  synchronized @Nullable Run claim() {
    long blocksOf = store.blocks();
    long from = unread.next(true, cursor, blocksOf);
    if (over || from == blocksOf) {
      return null;
    }
    long to = unread.next(false, from, map.runEnd(from, blocksOf));
    if (map.state(from) != BlockMap.ZERO) {
      to = Math.min(to, from + Math.max(1, largest / store.blockSize()));
    }
    cursor = to;
    return new Run(from, to);
  }

  /** Reads what is unread still of a run that the caller holds. */
  List<CompletableFuture<Piece>> readRest(Run run) {
    List<Run> runs;
    synchronized (this) {
      if (over) {
        return List.of();
      }
      runs = unread(run.from(), run.end());
      unread.remove(run.from(), run.end());
    }
    return runs.stream().map(this::read).toList();
  }

  /** The unread runs within a range, each with one state and of which something is to be sent. */
  private List<Run> unread(long first, long to) {
    List<Run> runs = new ArrayList<>();
    long step = Math.max(1, largest / store.blockSize());
    for (long b = unread.next(true, first, to); b < to; b = unread.next(true, b, to)) {
      long stop = unread.next(false, b, map.runEnd(b, to));
      int state = map.state(b);
      if (state == BlockMap.NEWER) {
        stop = Math.min(stop, b + step);
      }
      if (state == BlockMap.NEWER || state == BlockMap.ZERO) {
        runs.add(new Run(b, stop));
      }
      // Others are those that a host failed to write, and are in the source as they are.
      b = stop;
    }
    return runs;
  }

  private long length(Run r) {
    return Math.min(store.size(), r.end() * store.blockSize()) - r.from() * store.blockSize();
  }

  private CompletableFuture<Piece> read(Run r) {
    long offset = r.from() * store.blockSize();
    long length = length(r);
    return map.state(r.from()) == BlockMap.ZERO
        ? CompletableFuture.completedFuture(new Piece(offset, length, null))
        : store.read(offset, (int) length).thenApply(data -> new Piece(offset, length, data));
  }
}
