package dev.wherry.nbd.server;

import dev.wherry.nbd.Extent;
import dev.wherry.nbd.Wire;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Reads what a server sent, strictly: what the protocol does not allow is an {@link
 * AssertionError}. Replies are told apart by their magic.
 */
final class ReplyReader {
  /** Reply to an option. */
  @SuppressWarnings("ArrayRecordComponent") // nobody compares them
  record OptionReply(int option, int type, byte[] data) {
    String text() {
      return new String(data, StandardCharsets.UTF_8);
    }

    boolean isError() {
      return type < 0;
    }
  }

  /** What one context says. */
  record Status(int context, List<Extent> extents) {}

  /**
   * Reply to a request, its chunks put together.
   *
   * @param data what a read brought, or null
   * @param types of the chunks, in order; empty for a simple reply
   */
  @SuppressWarnings("ArrayRecordComponent") // nobody compares them
  record Reply(
      long cookie,
      int error,
      byte @Nullable [] data,
      List<Status> statuses,
      List<Integer> types,
      String text) {
    byte[] bytes() {
      byte[] d = data;
      if (error != 0 || d == null) {
        throw new AssertionError("no data, error " + error + " " + text);
      }
      return d;
    }

    List<Extent> extents(int context) {
      return statuses.stream().filter(s -> s.context == context).findFirst().orElseThrow().extents;
    }
  }

  private record Expected(long offset, int length) {}

  private final ByteBuffer in;
  private final Map<Long, Expected> reads = new HashMap<>();

  ReplyReader(byte[] bytes) {
    in = ByteBuffer.wrap(bytes);
  }

  /** Says how long a read was: a simple reply does not tell. */
  ReplyReader expectRead(long cookie, long offset, int length) {
    reads.put(cookie, new Expected(offset, length));
    return this;
  }

  boolean hasMore() {
    return in.hasRemaining();
  }

  int remaining() {
    return in.remaining();
  }

  byte[] take(int n) {
    check(n >= 0 && n <= in.remaining(), n + " bytes wanted, " + in.remaining() + " there");
    byte[] b = new byte[n];
    in.get(b);
    return b;
  }

  /** Returns the handshake flags. */
  int greeting() {
    check(in.getLong() == Wire.INIT_MAGIC, "magic");
    check(in.getLong() == Wire.OPTION_MAGIC, "option magic");
    return in.getShort();
  }

  OptionReply option() {
    check(in.remaining() >= 20, "an option's reply is cut short: " + in.remaining());
    check(in.getLong() == Wire.OPTION_REPLY_MAGIC, "magic of an option's reply");
    int option = in.getInt();
    int type = in.getInt();
    return new OptionReply(option, type, take(in.getInt()));
  }

  List<OptionReply> options() {
    List<OptionReply> all = new ArrayList<>();
    while (hasMore()) {
      all.add(option());
    }
    return all;
  }

  List<Reply> replies() {
    List<Reply> all = new ArrayList<>();
    while (hasMore()) {
      all.add(reply());
    }
    return all;
  }

  Reply reply() {
    int magic = in.getInt();
    if (magic == Wire.SIMPLE_REPLY_MAGIC) {
      int error = in.getInt();
      long cookie = in.getLong();
      Expected read = reads.get(cookie);
      byte[] data = read != null && error == 0 ? take(read.length) : null;
      return new Reply(cookie, error, data, List.of(), List.of(), "");
    }
    in.position(in.position() - 4);
    return chunks();
  }

  private Reply chunks() {
    long cookie = in.getLong(in.position() + 8);
    Expected read = reads.get(cookie);
    byte[] data = read == null ? null : new byte[read.length];
    boolean[] seen = new boolean[read == null ? 0 : read.length];
    List<Status> statuses = new ArrayList<>();
    List<Integer> types = new ArrayList<>();
    int error = 0;
    String text = "";
    boolean done = false;
    while (!done) {
      int magic = in.getInt();
      boolean extended = magic == Wire.EXTENDED_REPLY_MAGIC;
      check(extended || magic == Wire.STRUCTURED_REPLY_MAGIC, "magic of a chunk " + magic);
      int flags = in.getShort();
      int type = in.getShort() & 0xffff;
      check(in.getLong() == cookie, "chunks of two replies are mixed");
      if (extended) {
        long offset = in.getLong();
        check(read == null || read.offset == offset, "offset of the reply " + offset);
      }
      int length = Math.toIntExact(extended ? in.getLong() : in.getInt());
      check((flags & ~Wire.REPLY_FLAG_DONE) == 0, "flags of a chunk " + flags);
      done = (flags & Wire.REPLY_FLAG_DONE) != 0;
      types.add(type);
      switch (type) {
        case Wire.REPLY_TYPE_NONE -> check(length == 0 && done, "a chunk without data " + length);
        case Wire.REPLY_TYPE_OFFSET_DATA, Wire.REPLY_TYPE_OFFSET_HOLE -> {
          check(read != null && data != null, "data for what is no read");
          boolean hole = type == Wire.REPLY_TYPE_OFFSET_HOLE;
          int at = (int) (in.getLong() - read.offset);
          int n = hole ? in.getInt() : length - 8;
          check(!hole || length == 12, "length of a hole chunk " + length);
          check(n > 0 && at >= 0 && at + n <= read.length, "chunk at " + at + " length " + n);
          for (int i = at; i < at + n; i++) {
            check(!seen[i], "byte " + i + " twice");
            seen[i] = true;
          }
          if (!hole) {
            in.get(data, at, n);
          }
        }
        case Wire.REPLY_TYPE_BLOCK_STATUS -> {
          check(!extended, "compact status in extended mode");
          statuses.add(status(in.getInt(), (length - 4) / 8, false));
        }
        case Wire.REPLY_TYPE_BLOCK_STATUS_EXT -> {
          check(extended, "extended status in compact mode");
          int context = in.getInt();
          int count = in.getInt();
          check(length == 8 + 16 * count, count + " extents in " + length + " bytes");
          statuses.add(status(context, count, true));
        }
        case Wire.REPLY_TYPE_ERROR -> {
          error = in.getInt();
          int n = in.getShort();
          check(length == 6 + n, "length of an error chunk " + length);
          text = new String(take(n), StandardCharsets.UTF_8);
        }
        default -> throw new AssertionError("chunk of type " + type);
      }
    }
    if (error == 0 && data != null) {
      for (int i = 0; i < seen.length; i++) {
        check(seen[i], "byte " + i + " of a read is missing");
      }
    }
    return new Reply(cookie, error, data, statuses, types, text);
  }

  private Status status(int context, int count, boolean wide) {
    check(count > 0, "a status without extents");
    List<Extent> extents = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      long length = wide ? in.getLong() : in.getInt() & 0xffff_ffffL;
      extents.add(new Extent(length, wide ? in.getLong() : in.getInt() & 0xffff_ffffL));
    }
    return new Status(context, extents);
  }

  private static void check(boolean ok, String what) {
    if (!ok) {
      throw new AssertionError("the server sent what the protocol does not allow: " + what);
    }
  }
}
