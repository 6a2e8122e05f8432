package dev.wherry.path.link;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import java.util.ArrayDeque;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * What waits to be sent on one connection. Messages of a lower class go first, in pieces, so that
 * one that comes later can overtake; a class that was passed over for a megabyte gets one piece, so
 * that none waits for ever. What the socket does not take stays here and not in its buffers. One
 * flush per turn of the event loop, on which alone all of it runs.
 */
final class Outbound {
  /** What others may send before a class that waits gets its turn, in bytes. */
  private static final int PATIENCE = 1 << 20;

  /** Smaller pieces are copied together, to be one write. */
  private static final int SMALL = 2048;

  private static final int GATHER = 32 << 10;

  /** Rounds of filling the socket before others on the event loop get their turn. */
  private static final int ROUNDS = 8;

  /** Told before each flush, so that it can add what was put off to it. */
  interface BeforeFlush {
    void beforeFlush();
  }

  private final Channel channel;
  private final ByteBufAllocator alloc;
  private final BeforeFlush before;
  private Traffic traffic;
  private final Compression compression;
  private final CRC32C crc = new CRC32C();

  @SuppressWarnings({"unchecked", "rawtypes"})
  private final ArrayDeque<Outgoing>[] queues = new ArrayDeque[Window.CLASSES];

  private final long[] passedOver = new long[Window.CLASSES];
  private @Nullable ByteBuf gathered;
  private boolean scheduled;
  private boolean closed;

  Outbound(Channel channel, Traffic traffic, Compression compression, BeforeFlush before) {
    this.channel = channel;
    this.alloc = channel.alloc();
    this.traffic = traffic;
    this.compression = compression;
    this.before = before;
    for (int i = 0; i < queues.length; i++) {
      queues[i] = new ArrayDeque<>();
    }
  }

  /** Counts for another from now on: it is known whose connection it is. */
  void countFor(Traffic value) {
    traffic = value;
  }

  /** Adds a message; it goes out with the next flush, if its turn comes. */
  void add(Outgoing o) {
    if (closed) {
      o.payload.release();
      return;
    }
    queues[o.cls].add(o);
    schedule();
  }

  /** Takes a message back, of which something has not been sent; whether it was there. */
  boolean remove(Outgoing o) {
    boolean there = queues[o.cls].remove(o);
    if (there) {
      o.payload.release();
    }
    return there;
  }

  /** Adds a frame that goes before all messages. The body is the caller's. */
  void control(int type, long sequence, ByteBuf body) {
    if (closed) {
      return;
    }
    ByteBuf out = gather(Frame.HEADER + body.readableBytes());
    int start = out.writerIndex();
    Frame.header(out, 0, type, 0, Frame.RAW, sequence, 0);
    out.writeBytes(body, body.readerIndex(), body.readableBytes());
    Frame.finish(out, start, crc);
    schedule();
  }

  void control(int type, long sequence) {
    control(type, sequence, Unpooled.EMPTY_BUFFER);
  }

  void schedule() {
    if (!scheduled && !closed) {
      scheduled = true;
      channel.eventLoop().execute(this::turn);
    }
  }

  private void turn() {
    scheduled = false;
    if (!closed) {
      before.beforeFlush();
      pump();
    }
  }

  /** Fills the socket. Also called when it takes something again. */
  void pump() {
    for (int round = 0; !closed; round++) {
      Outgoing o = null;
      while (!closed && channel.isWritable() && (o = next()) != null) {
        send(o);
      }
      write();
      channel.flush();
      if (closed || (o == null && channel.isWritable())) {
        compression.idle();
        return;
      }
      if (!channel.isWritable()) {
        compression.blocked();
        return;
      }
      if (round == ROUNDS) {
        schedule();
        return;
      }
    }
  }

  /** The socket takes something again. */
  void writable() {
    compression.unblocked();
    schedule();
  }

  private @Nullable Outgoing next() {
    int first = -1;
    for (int c = 0; c < queues.length; c++) {
      if (!queues[c].isEmpty()) {
        if (first < 0) {
          first = c;
        } else if (passedOver[c] >= PATIENCE) {
          first = c;
          break;
        }
      }
    }
    return first < 0 ? null : queues[first].peek();
  }

  private void send(Outgoing o) {
    int wire = 0;
    if (!o.begun) {
      o.begun = true;
      ByteBuf out = gather(Frame.HEADER + 64);
      int start = out.writerIndex();
      Frame.header(out, 0, o.head.type(), o.cls, Frame.RAW, o.sequence, 0);
      o.head.write(out);
      Frame.finish(out, start, crc);
      wire += out.writerIndex() - start;
    }
    int end = o.payload.writerIndex();
    if (o.at < end) {
      int from = o.at;
      wire += piece(o);
      traffic.sentRaw.add(o.at - from);
    }
    if (o.at == end) {
      queues[o.cls].remove();
      o.payload.release();
    }
    passedOver[o.cls] = 0;
    for (int c = 0; c < queues.length; c++) {
      if (c != o.cls) {
        passedOver[c] = queues[c].isEmpty() ? 0 : passedOver[c] + wire;
      }
    }
  }

  /** Sends the next piece of a payload; returns the bytes on the wire. */
  private int piece(Outgoing o) {
    ByteBuf p = o.payload;
    int zeroes = Zeroes.run(p, o.at);
    if (zeroes > 0) {
      ByteBuf out = gather(Frame.HEADER);
      int start = out.writerIndex();
      Frame.header(out, 0, Frame.DATA, o.cls, Frame.ZERO, o.sequence, zeroes);
      Frame.finish(out, start, crc);
      o.at += zeroes;
      traffic.zeroes.add(zeroes);
      return Frame.HEADER;
    }
    int n = Zeroes.dataRun(p, o.at, Frame.PIECE);
    ByteBuf packed = compression.tryCompress(p, o.at, n, alloc);
    int length = packed == null ? n : packed.readableBytes();
    ByteBuf out = gather(Frame.HEADER + (length <= SMALL ? length : 0));
    int start = out.writerIndex();
    int encoding = packed == null ? Frame.RAW : Frame.LZ4;
    Frame.header(out, length, Frame.DATA, o.cls, encoding, o.sequence, n);
    ByteBuf body = packed == null ? p : packed;
    int index = packed == null ? o.at : packed.readerIndex();
    Frame.seal(out, start, crc, body, index, length);
    if (length <= SMALL) {
      out.writeBytes(body, index, length);
      if (packed != null) {
        packed.release();
      }
    } else {
      write();
      count(length);
      channel.write(
          packed == null ? p.retainedSlice(index, length) : packed, channel.voidPromise());
    }
    if (packed != null) {
      traffic.compressed.add(n);
    }
    o.at += n;
    return Frame.HEADER + length;
  }

  private ByteBuf gather(int room) {
    ByteBuf g = gathered;
    if (g != null && g.writableBytes() < room) {
      write();
      g = null;
    }
    if (g == null) {
      g = alloc.directBuffer(Math.max(GATHER, room));
      gathered = g;
    }
    return g;
  }

  private void write() {
    ByteBuf g = gathered;
    if (g != null) {
      gathered = null;
      count(g.readableBytes());
      channel.write(g, channel.voidPromise());
    }
  }

  private void count(int bytes) {
    traffic.sentWire.add(bytes);
    compression.sent(bytes);
  }

  /** Drops all; nothing is sent any more. */
  void close() {
    if (closed) {
      return;
    }
    closed = true;
    for (ArrayDeque<Outgoing> q : queues) {
      for (Outgoing o = q.poll(); o != null; o = q.poll()) {
        o.payload.release();
      }
    }
    if (gathered != null) {
      gathered.release();
      gathered = null;
    }
  }
}
