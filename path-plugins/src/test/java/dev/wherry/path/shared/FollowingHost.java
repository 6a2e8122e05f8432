package dev.wherry.path.shared;

import dev.wherry.path.map.BlockMap;
import dev.wherry.path.move.VirtualTime;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;

/**
 * The host of a volume whose source follows its owner, and all that it has written to each unit.
 * What it writes says which write it was.
 */
abstract class FollowingHost {
  static final int BLOCK = 16 << 10;
  static final int UNIT = BlockMap.UNIT;
  static final int BLOCKS = 48;
  static final int UNITS = BLOCKS * BLOCK / UNIT;
  static final long SIZE = (long) BLOCKS * BLOCK;

  /** A write, or what was there before the first. */
  static final class Op {
    final long id;
    final long asked;
    long answered = Long.MAX_VALUE;

    Op(long id, long asked) {
      this.id = id;
      this.asked = asked;
    }
  }

  final Random random;
  final VirtualTime time = new VirtualTime();
  final boolean stall;
  final List<List<Op>> history = new ArrayList<>();
  final int[] floor = new int[UNITS];
  final int[] lastingFloor = new int[UNITS];
  final int[] flushed = new int[UNITS];
  final boolean[] busy = new boolean[UNITS];
  long ids = 1_000_000;
  long clock;
  int inFlight;
  boolean dying;
  LayeredStore owner;
  FollowingWriter writer;

  FollowingHost(Random random, boolean stall) {
    this.random = random;
    this.stall = stall;
  }

  static ByteBuf units(long id, int count) {
    ByteBuf data = ByteBufAllocator.DEFAULT.buffer(count * UNIT);
    for (int i = 0; i < count * UNIT / 8; i++) {
      data.writeLong(id);
    }
    return data;
  }

  static void check(boolean good, String what, Object... of) {
    if (!good) {
      throw new AssertionError(what + ": " + Arrays.toString(of));
    }
  }

  final void step() {
    time.step();
    clock++;
    Lag lag = writer.lag();
    if (lag.mode() != Lag.Mode.THROUGH && lag.bytes() == 0) {
      // The last batch is in the source, and it was flushed there.
      raise(floor);
      raise(lastingFloor);
    }
  }

  final void raise(int[] to) {
    for (int u = 0; u < UNITS; u++) {
      List<Op> ops = history.get(u);
      for (int i = ops.size() - 1; i >= to[u]; i--) {
        if (ops.get(i).answered != Long.MAX_VALUE) {
          to[u] = i;
          break;
        }
      }
    }
  }

  private boolean take(int unit, int count) {
    for (int u = unit; u < unit + count; u++) {
      if (busy[u]) {
        return false;
      }
    }
    Arrays.fill(busy, unit, unit + count, true);
    return true;
  }

  final void write() {
    int count = 1 + random.nextInt(random.nextInt(3) == 0 ? 10 : 2);
    int unit = random.nextInt(UNITS - count + 1);
    if (inFlight < 6 && take(unit, count)) {
      ByteBuf data = units(ids++, count);
      Op op = new Op(ids - 1, clock);
      track(op, unit, count, writer.write((long) unit * UNIT, data, 0), data);
    }
  }

  final void zero() {
    int count = 1 + random.nextInt(12);
    int unit = random.nextInt(UNITS - count + 1);
    for (int u = unit; u < unit + count; u++) {
      if (history.get(u).stream().anyMatch(o -> o.id == 0)) {
        return; // One zero could not be told from another.
      }
    }
    if (inFlight < 6 && take(unit, count)) {
      Op op = new Op(0, clock);
      track(op, unit, count, writer.zero((long) unit * UNIT, (long) count * UNIT, 0), null);
    }
  }

  private void track(Op op, int unit, int count, CompletableFuture<Void> done, ByteBuf data) {
    List<List<Op>> all = history;
    List<List<Op>> mine = new ArrayList<>(all.subList(unit, unit + count));
    int[] index = new int[count];
    for (int i = 0; i < count; i++) {
      index[i] = mine.get(i).size();
      mine.get(i).add(op);
    }
    inFlight++;
    FollowingWriter through = writer;
    done.whenComplete(
        (v, failure) -> {
          if (data != null) {
            data.release();
          }
          if (writer != through || dying) {
            return;
          }
          inFlight--;
          Arrays.fill(busy, unit, unit + count, false);
          if (failure != null) {
            // Under stall: done here, and not answered.
            check(stall, "the host sees", failure);
            return;
          }
          op.answered = clock;
          if (through.lag().mode() == Lag.Mode.THROUGH) {
            for (int i = 0; i < count; i++) {
              floor[unit + i] = Math.max(floor[unit + i], index[i]);
            }
          }
        });
  }

  final void flush() {
    int[] covers = flushed.clone();
    raise(covers);
    FollowingWriter to = writer;
    writer
        .flush()
        .whenComplete(
            (v, failure) -> {
              if (failure != null || writer != to || dying) {
                return;
              }
              boolean both = to.lag().mode() == Lag.Mode.THROUGH;
              for (int u = 0; u < UNITS; u++) {
                flushed[u] = Math.max(flushed[u], covers[u]);
                if (both) {
                  lastingFloor[u] = Math.max(lastingFloor[u], covers[u]);
                }
              }
            });
  }

  final void read() {
    int unit = random.nextInt(UNITS);
    int[] seen = new int[UNITS];
    raise(seen);
    List<Op> ops = history.get(unit);
    owner
        .read((long) unit * UNIT, UNIT)
        .whenComplete(
            (data, failure) -> {
              if (data != null) {
                long id = data.getLong(data.readerIndex());
                data.release();
                check(dying || last(ops, id) >= seen[unit], "a read goes back in time: unit", unit);
              }
            });
  }

  static int last(List<Op> ops, long id) {
    for (int i = ops.size() - 1; i >= 0; i--) {
      if (ops.get(i).id == id) {
        return i;
      }
    }
    return -1;
  }
}
