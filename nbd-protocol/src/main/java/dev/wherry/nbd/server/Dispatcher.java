package dev.wherry.nbd.server;

import static dev.wherry.nbd.Wire.CMD_CACHE;
import static dev.wherry.nbd.Wire.CMD_FLAG_DF;
import static dev.wherry.nbd.Wire.CMD_FLAG_FAST_ZERO;
import static dev.wherry.nbd.Wire.CMD_FLAG_FUA;
import static dev.wherry.nbd.Wire.CMD_FLAG_NO_HOLE;
import static dev.wherry.nbd.Wire.CMD_FLUSH;
import static dev.wherry.nbd.Wire.CMD_READ;
import static dev.wherry.nbd.Wire.CMD_TRIM;
import static dev.wherry.nbd.Wire.CMD_WRITE_ZEROES;

import dev.wherry.nbd.Export;
import dev.wherry.nbd.FileSlice;
import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import dev.wherry.nbd.server.ExportStats.Engine;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.function.BiConsumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Does the requests of one connection and queues their replies, in the order of completion. First
 * it lets the export try at once; only what would wait becomes a request in flight.
 *
 * <p>Confined to the connection's event loop; exports may complete on any thread.
 */
final class Dispatcher {
  /** From here on a read is worth its own system call to send it from the page cache. */
  private static final int SENDFILE_FROM = 64 << 10;

  /** Up to here the reply is copied together with others into one buffer. */
  private static final int SMALL = 32 << 10;

  /** Beyond this a read is not tried on the event loop: the copy alone would hold up others. */
  private static final int INLINE_LIMIT = 2 << 20;

  private final Export export;
  private final Outbound out;
  private final Credit credit;
  private final Tally tally;
  private final TransmissionHandler connection;
  private final Replies replies;
  private final StatusCollector status;
  private int inFlight;

  Dispatcher(
      Export export,
      SessionMode mode,
      Outbound out,
      Credit credit,
      Tally tally,
      TransmissionHandler connection) {
    this.export = export;
    this.out = out;
    this.credit = credit;
    this.tally = tally;
    this.connection = connection;
    this.replies = new Replies(mode);
    this.status = new StatusCollector(export, mode);
  }

  /** One request that the export has. */
  private record Pending(int type, int flags, long cookie, long offset, long length, long start) {
    Pending(Request r, long start) {
      this(r.type, r.flags, r.cookie, r.offset, r.length, start);
    }

    boolean mayFragment() {
      return (flags & CMD_FLAG_DF) == 0;
    }
  }

  int inFlight() {
    return inFlight;
  }

  /** Answers a request that was found bad. */
  void reject(Request r, int kept) {
    give(kept);
    NbdError error = r.error == null ? NbdError.EINVAL : r.error;
    fail(new Pending(r, System.nanoTime()), error, r.reason, Engine.INLINE);
  }

  void write(Request r, ByteBuf payload, int kept) {
    Pending p = new Pending(r, System.nanoTime());
    boolean fua = (r.flags & CMD_FLAG_FUA) != 0;
    if (!fua && attemptWrite(r, payload)) {
      give(kept);
      succeed(p, Engine.INLINE);
      return;
    }
    ByteBuf data = own(payload);
    begin();
    start(() -> export.write(p.offset, data, fua ? Export.FUA : 0))
        .whenComplete(
            onLoop(
                (Void v, @Nullable Throwable failure) -> {
                  data.release();
                  give(kept);
                  end(p, failure);
                },
                data::release));
  }

  private boolean attemptWrite(Request r, ByteBuf payload) {
    try {
      return export.tryWrite(r.offset, payload);
    } catch (RuntimeException e) {
      tally.attemptFailed("write", e);
      return false;
    }
  }

  /** A payload that outlives the call; copied where keeping it would keep much more. */
  private static ByteBuf own(ByteBuf payload) {
    int n = payload.readableBytes();
    return n < payload.capacity() / 4
        ? PooledByteBufAllocator.DEFAULT
            .directBuffer(n, n)
            .writeBytes(payload, payload.readerIndex(), n)
        : payload.retainedSlice();
  }

  /** Does any other good request. */
  void dispatch(Request r, ByteBuf payload, int kept) {
    if (r.type == CMD_READ) {
      give(kept);
      read(r);
      return;
    }
    Pending p = new Pending(r, System.nanoTime());
    int fua = (r.flags & CMD_FLAG_FUA) != 0 ? Export.FUA : 0;
    begin();
    switch (r.type) {
      case CMD_FLUSH -> run(p, export::flush);
      case CMD_TRIM -> run(p, () -> export.trim(p.offset, p.length, fua));
      case CMD_CACHE -> run(p, () -> export.cache(p.offset, p.length));
      case CMD_WRITE_ZEROES -> {
        int noHole = (r.flags & CMD_FLAG_NO_HOLE) != 0 ? Export.NO_HOLE : 0;
        int fast = (r.flags & CMD_FLAG_FAST_ZERO) != 0 ? Export.FAST_ZERO : 0;
        run(p, () -> export.zero(p.offset, p.length, fua | noHole | fast));
      }
      default -> {
        start(() -> status.collect(r, payload))
            .whenComplete(onLoop((answers, failure) -> status(p, answers, failure), () -> {}));
      }
    }
    give(kept);
  }

  private void run(Pending p, Supplier<CompletableFuture<Void>> operation) {
    start(operation).whenComplete(onLoop((v, failure) -> end(p, failure), () -> {}));
  }

  private static <T> CompletableFuture<T> start(Supplier<CompletableFuture<T>> operation) {
    try {
      return Objects.requireNonNull(operation.get(), "the export gave no future");
    } catch (RuntimeException | LinkageError e) {
      // The latter is what a plugin gets that was built for another release.
      return CompletableFuture.failedFuture(e);
    }
  }

  private <T> BiConsumer<T, @Nullable Throwable> onLoop(
      BiConsumer<T, @Nullable Throwable> then, Runnable loopGone) {
    return (result, failure) -> {
      if (!connection.onLoop(() -> then.accept(result, failure))) {
        loopGone.run();
      }
    };
  }

  private void begin() {
    inFlight++;
    tally.started();
  }

  private void ended() {
    inFlight--;
    tally.ended();
    connection.answered();
  }

  private void end(Pending p, @Nullable Throwable failure) {
    if (failure == null) {
      succeed(p, Engine.ASYNC);
    } else {
      fail(p, failure);
    }
    ended();
  }

  // Reads.

  private void read(Request r) {
    long begun = System.nanoTime();
    int length = (int) r.length;
    if (length >= SENDFILE_FROM && !connection.secure()) {
      FileSlice slice = attemptSend(r, length);
      if (slice != null) {
        ByteBuf head = out.room(replies.dataHead(), 0);
        replies.data(head, true, r.cookie, r.offset, r.offset, length);
        out.file(slice);
        credit.give(length);
        tally.record(CMD_READ, r.offset, length, begun, Engine.SENDFILE, null);
        return;
      }
    }
    if (length <= SMALL ? readSmall(r, length) : readLarge(r, length)) {
      tally.record(CMD_READ, r.offset, length, begun, Engine.INLINE, null);
      return;
    }
    Pending p = new Pending(r, begun);
    begin();
    start(() -> export.read(p.offset, length))
        .whenComplete(
            (data, failure) -> {
              if (!connection.onLoop(() -> readEnd(p, data, failure)) && data != null) {
                data.release();
              }
            });
  }

  private boolean readSmall(Request r, int length) {
    int head = replies.dataHead();
    ByteBuf b = out.room(head + length, connection.likelyReplies() * (head + length));
    int start = b.writerIndex();
    b.writerIndex(start + head);
    if (!attemptRead(r, length, b)) {
      b.writerIndex(start);
      return false;
    }
    boolean hole =
        replies.structured()
            && (r.flags & CMD_FLAG_DF) == 0
            && length >= ZeroRuns.BLOCK
            && ZeroRuns.isZero(b, start + head, length);
    b.writerIndex(start);
    if (hole) {
      replies.hole(b, true, r.cookie, r.offset, r.offset, length);
    } else {
      replies.data(b, true, r.cookie, r.offset, r.offset, length);
      b.writerIndex(start + head + length);
    }
    out.charge(length);
    return true;
  }

  private boolean readLarge(Request r, int length) {
    if (length > INLINE_LIMIT) {
      return false;
    }
    ByteBuf data = PooledByteBufAllocator.DEFAULT.directBuffer(length, length);
    if (!attemptRead(r, length, data)) {
      data.release();
      return false;
    }
    send(data, r.cookie, r.offset, (r.flags & CMD_FLAG_DF) == 0);
    return true;
  }

  private boolean attemptRead(Request r, int length, ByteBuf into) {
    int end = into.writerIndex() + length;
    try {
      if (!export.tryRead(r.offset, length, into)) {
        return false;
      }
    } catch (RuntimeException e) {
      tally.attemptFailed("read", e);
      return false;
    }
    if (into.writerIndex() != end) {
      tally.attemptFailed(
          "read", new IllegalStateException("off by " + (into.writerIndex() - end)));
      return false;
    }
    return true;
  }

  private @Nullable FileSlice attemptSend(Request r, int length) {
    FileSlice slice;
    try {
      slice = export.trySend(r.offset, length);
    } catch (RuntimeException e) {
      tally.attemptFailed("send", e);
      return null;
    }
    if (slice != null && slice.count() != length) {
      tally.attemptFailed("send", new IllegalStateException(slice.count() + " bytes of " + length));
      slice.release();
      return null;
    }
    return slice;
  }

  private void readEnd(Pending p, @Nullable ByteBuf data, @Nullable Throwable failure) {
    if (data == null) {
      credit.give(p.length);
      fail(p, failure == null ? new IllegalStateException("no data") : failure);
    } else if (data.readableBytes() != p.length) {
      data.release();
      credit.give(p.length);
      fail(p, new IllegalStateException("the export read too few or too many bytes"));
    } else {
      send(data, p.cookie, p.offset, p.mayFragment());
      tally.record(p.type, p.offset, p.length, p.start, Engine.ASYNC, null);
    }
    ended();
  }

  /** Queues what was read, long runs of zeroes as holes. Takes the buffer. */
  private void send(ByteBuf data, long cookie, long offset, boolean mayFragment) {
    int length = data.readableBytes();
    int end = replies.structured() && mayFragment ? ZeroRuns.runEnd(data, 0) : length;
    if (end == length) {
      replies.data(out.room(replies.dataHead(), 0), true, cookie, offset, offset, length);
      out.payload(data, length);
      return;
    }
    int from = 0;
    while (true) {
      boolean zeroes = end < 0;
      int to = Math.abs(end);
      boolean last = to == length;
      long at = offset + from;
      if (zeroes) {
        replies.hole(out.room(replies.holeLength(), 0), last, cookie, offset, at, to - from);
      } else {
        replies.data(out.room(replies.dataHead(), 0), last, cookie, offset, at, to - from);
        ByteBuf part = data.retainedSlice(data.readerIndex() + from, to - from);
        out.payload(part, last ? length : 0);
      }
      if (last) {
        if (zeroes) {
          out.charge(length);
        }
        break;
      }
      from = to;
      end = ZeroRuns.runEnd(data, from);
    }
    data.release();
  }

  // Replies.

  private void status(
      Pending p, StatusCollector.@Nullable Answers answers, @Nullable Throwable failure) {
    if (answers == null) {
      fail(p, failure == null ? new IllegalStateException("no status") : failure);
    } else {
      answers.encode(replies, out, p.cookie, p.offset);
      tally.record(p.type, p.offset, 0, p.start, Engine.ASYNC, null);
    }
    ended();
  }

  private void succeed(Pending p, Engine engine) {
    int n = replies.doneLength();
    replies.done(out.room(n, connection.likelyReplies() * n), p.cookie, p.offset);
    tally.record(p.type, p.offset, p.length, p.start, engine, null);
  }

  private void fail(Pending p, Throwable failure) {
    NbdError error = NbdException.errorOf(failure);
    String reason = tally.failed(p.type, p.offset, p.length, error, failure);
    fail(p, error, reason, Engine.ASYNC);
  }

  private void fail(Pending p, NbdError error, String reason, Engine engine) {
    byte[] text = replies.text(reason);
    replies.error(out.room(replies.errorLength(text), 0), p.cookie, p.offset, error, text);
    tally.record(p.type, p.offset, p.length, p.start, engine, error);
  }

  private void give(int kept) {
    if (kept > 0) {
      credit.give(kept);
      credit.endOverdraw();
    }
  }
}
