package dev.wherry.nbd.client;

import dev.wherry.nbd.Wire;
import io.netty.buffer.ByteBuf;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The changes that the server has answered and not yet flushed, in the order of their answers, with
 * their data. As overlapping changes are never in flight together, that is the order in which the
 * server made them.
 *
 * <p>A change with FUA is durable, but while older entries are here it is noted, without its data,
 * so that no older entry is replayed over it.
 */
final class Ledger {
  /** What an entry costs besides its data, in bytes; so that many small ones count, too. */
  static final long ENTRY_COST = 128;

  /** Data is null for zeroes, trims and what is durable. */
  private record Entry(
      int type, int flags, long offset, long length, boolean durable, @Nullable ByteBuf data) {
    long cost() {
      return (data == null ? 0 : length) + ENTRY_COST;
    }
  }

  private final ArrayDeque<Entry> entries = new ArrayDeque<>();
  private long appended;
  private long dropped;
  private long bytes;

  /** Notes a change that was answered with success and takes its payload over. */
  void append(Command c) {
    ByteBuf data = c.takePayload();
    boolean durable = c.durable();
    if (durable && data != null) {
      data.release();
      data = null;
    }
    if (durable && entries.isEmpty()) {
      return;
    }
    int flags = c.flags & Wire.CMD_FLAG_NO_HOLE;
    Entry entry = new Entry(c.type, flags, c.offset, c.length, durable, data);
    entries.add(entry);
    appended++;
    bytes += entry.cost();
  }

  /** How many entries there ever were: what a flush that is sent now will cover. */
  long appended() {
    return appended;
  }

  /** A flush succeeded that covers the first {@code count} entries there ever were. */
  void flushed(long count) {
    while (dropped < count) {
      drop();
    }
  }

  void clear() {
    flushed(appended);
  }

  private void drop() {
    Entry entry = entries.remove();
    dropped++;
    bytes -= entry.cost();
    if (entry.data != null) {
      entry.data.release();
    }
  }

  /** What the entries cost, in bytes. */
  long bytes() {
    return bytes;
  }

  boolean isEmpty() {
    return entries.isEmpty();
  }

  /**
   * The commands that bring every byte to what was last answered for it. Their ranges are disjoint,
   * so that they may be sent in any order, all at once. They share the data, which stay here.
   *
   * @param step longest command without data in bytes
   */
  List<Command> replay(long step) {
    List<Command> commands = new ArrayList<>();
    TreeMap<Long, Long> newer = new TreeMap<>();
    Iterator<Entry> backwards = entries.descendingIterator();
    while (backwards.hasNext()) {
      Entry entry = backwards.next();
      long end = entry.offset + entry.length;
      long at = entry.offset;
      Map.Entry<Long, Long> before = newer.floorEntry(at);
      if (before != null && before.getValue() > at) {
        at = Math.min(end, before.getValue());
      }
      while (at < end) {
        Map.Entry<Long, Long> next = newer.ceilingEntry(at);
        long stop = next == null ? end : Math.min(end, next.getKey());
        if (stop > at && !entry.durable) {
          addPieces(commands, entry, at, stop, step);
        }
        at = next == null ? end : Math.max(stop, Math.min(end, next.getValue()));
      }
      cover(newer, entry.offset, end);
    }
    return commands;
  }

  private static void addPieces(
      List<Command> commands, Entry entry, long from, long to, long step) {
    if (entry.data != null) {
      int index = entry.data.readerIndex() + (int) (from - entry.offset);
      ByteBuf part = entry.data.retainedSlice(index, (int) (to - from));
      commands.add(Command.write(Command.Role.REPLAY, 0, from, part));
      return;
    }
    for (long at = from; at < to; ) {
      long length = Math.min(step, to - at);
      commands.add(new Command(Command.Role.REPLAY, entry.type, entry.flags, at, length, null));
      at += length;
    }
  }

  private static void cover(NavigableMap<Long, Long> covered, long from, long to) {
    long start = from;
    long end = to;
    Map.Entry<Long, Long> before = covered.floorEntry(start);
    if (before != null && before.getValue() >= start) {
      start = before.getKey();
      end = Math.max(end, before.getValue());
    }
    for (Map.Entry<Long, Long> next = covered.ceilingEntry(start);
        next != null && next.getKey() <= end;
        next = covered.ceilingEntry(start)) {
      end = Math.max(end, next.getValue());
      covered.remove(next.getKey());
    }
    covered.put(start, end);
  }
}
