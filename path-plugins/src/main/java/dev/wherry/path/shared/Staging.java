package dev.wherry.path.shared;

import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import dev.wherry.path.Answers;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.CompositeByteBuf;
import java.nio.ByteBuffer;
import java.util.concurrent.CompletableFuture;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The batch that a source is being sent, durable before it is applied. Applied is all of it or,
 * until its commit is durable, nothing; what a crash interrupts is done again before anything else.
 *
 * <pre>
 *   0      head A      written in turn, so that one of them is whole at any time:
 *   4096   head B      the one with the larger sequence counts
 *   8192   pieces, one behind the other
 *
 *   head   magic "WHBATCH1" (8)   version (4)   state (4): 1 applied, 2 committed, 3 lost
 *          sequence (8)   number of the batch (8)   epoch of its owner (8)
 *          pieces (8)   end of the pieces in the file (8)   CRC-32C of all that (4)
 *   piece  magic "PIEC" (4)   kind (4): 1 data, 2 zeroes   number of the batch (8)
 *          offset in the volume (8)   length in bytes (8)   CRC-32C of that and the data (4)
 *          data, where the kind is 1
 * </pre>
 *
 * The version is 1, but 2 where the state is 3, which those who know only version 1 do not.
 *
 * <p>A commit forces the pieces, then a head that says so; then the pieces go to the store, the
 * store is flushed, and a head says that it is applied. Numbers only grow. Calls do not overlap.
 *
 * <p>A batch that is committed and cannot be read any more is lost: it may be in the store in part.
 * Its owner has not been told that it is applied, and so has all of it still, and sends it again
 * with the next one. The file is set aside, and the head of a new one says so: what the store has
 * is of no one time, until the next batch is applied.
 */
final class Staging {
  private static final Logger LOG = LoggerFactory.getLogger(SharedVolume.class);
  private static final long MAGIC = 0x5748_4241_5443_4831L;
  private static final int VERSION = 1;
  private static final int VERSION_LOST = 2;
  private static final int HEAD = 60;
  private static final int PIECE_MAGIC = 0x5049_4543;
  private static final int PIECE_HEAD = 36;
  private static final int SLOT = 4096;
  private static final long PIECES = 2L * SLOT;
  private static final int APPLIED = 1;
  private static final int COMMITTED = 2;
  private static final int LOST = 3;
  private static final int DATA = 1;
  private static final int ZEROES = 2;
  private static final int LARGEST = 2 << 20;

  /** What a head says. */
  private record Head(int state, long sequence, long number, long epoch, long pieces, long end) {
    static final Head NONE = new Head(APPLIED, 0, 0, 0, 0, PIECES);

    Head next(int newState, long newNumber, long newEpoch, long newPieces, long newEnd) {
      return new Head(newState, sequence + 1, newNumber, newEpoch, newPieces, newEnd);
    }
  }

  private final BatchLog log;
  private final LayeredStore store;
  private volatile @Nullable Head head;
  private long highest;
  private long open;
  private long at = PIECES;
  private long pieces;

  /** Why the batch that was begun last cannot be taken, where that is so. */
  private @Nullable Throwable lost;

  Staging(BatchLog log, LayeredStore store) {
    this.log = log;
    this.store = store;
  }

  /** Ends what a crash interrupted; once, before anything else is asked. */
  private CompletableFuture<Head> ready() {
    Head known = head;
    CompletableFuture<Head> read =
        known == null ? readHeads() : CompletableFuture.completedFuture(known);
    return read.thenCompose(
        h -> h.state == COMMITTED ? redo(h) : CompletableFuture.completedFuture(h));
  }

  private CompletableFuture<Head> readHeads() {
    return log.read(0, HEAD)
        .thenApply(Staging::parse)
        .thenCompose(
            a -> log.read(SLOT, HEAD).thenApply(Staging::parse).thenApply(b -> newer(a, b)))
        .thenApply(
            h -> {
              head = h;
              highest = h.number;
              return h;
            });
  }

  private static Head newer(Head a, Head b) {
    return a.sequence > b.sequence ? a : b;
  }

  /** Releases the bytes. */
  private static Head parse(ByteBuf in) {
    try {
      return read(in);
    } finally {
      in.release();
    }
  }

  private static Head read(ByteBuf in) {
    if (in.readableBytes() < HEAD || in.getLong(in.readerIndex()) != MAGIC) {
      return Head.NONE;
    }
    int crc = crc(in.slice(in.readerIndex(), HEAD - 4));
    in.skipBytes(8);
    int version = in.readInt();
    Head h =
        new Head(
            in.readInt(),
            in.readLong(),
            in.readLong(),
            in.readLong(),
            in.readLong(),
            in.readLong());
    if (in.readInt() != crc) {
      return Head.NONE;
    }
    if (version != VERSION && version != VERSION_LOST) {
      throw new NbdException(
          NbdError.EIO,
          "the staged batch has version "
              + version
              + ", known are "
              + VERSION
              + " and "
              + VERSION_LOST);
    }
    return h;
  }

  private CompletableFuture<Head> put(Head h) {
    return log.write(slot(h), bytes(h))
        .thenCompose(v -> log.force())
        .thenApply(
            v -> {
              head = h;
              return h;
            });
  }

  private static long slot(Head h) {
    return (h.sequence & 1) * SLOT;
  }

  private static ByteBuf bytes(Head h) {
    ByteBuf out = Payloads.buffer(HEAD);
    out.writeLong(MAGIC).writeInt(h.state == LOST ? VERSION_LOST : VERSION);
    out.writeInt(h.state).writeLong(h.sequence);
    out.writeLong(h.number).writeLong(h.epoch).writeLong(h.pieces).writeLong(h.end);
    return out.writeInt(crc(out));
  }

  private static int crc(ByteBuf... parts) {
    CRC32C crc = new CRC32C();
    for (ByteBuf part : parts) {
      for (ByteBuffer bytes : part.nioBuffers()) {
        crc.update(bytes);
      }
    }
    return (int) crc.getValue();
  }

  // ------------------------------------------------------------------ being sent

  /** The batch that was committed last. */
  CompletableFuture<Long> committed() {
    return ready().thenApply(Head::number);
  }

  /** Begins a batch, and forgets one that was not committed. */
  CompletableFuture<Long> begin() {
    // What could not be flushed here is behind at the owner: it comes with a batch.
    store.forgetLoss();
    return forget()
        .thenApply(
            v -> {
              open = ++highest;
              lost = null;
              at = PIECES;
              pieces = 0;
              return open;
            });
  }

  /**
   * Adds a piece.
   *
   * @param data lent until done; null for zeroes
   */
  CompletableFuture<Void> put(long number, long offset, long length, @Nullable ByteBuf data) {
    if (number != open) {
      Throwable why = lost;
      return why != null && number == highest
          ? CompletableFuture.failedFuture(why)
          : Answers.failed(NbdError.EIO, "batch " + number + " is not being sent");
    }
    ByteBuf top = Payloads.buffer(PIECE_HEAD);
    top.writeInt(PIECE_MAGIC).writeInt(data == null ? ZEROES : DATA);
    top.writeLong(number).writeLong(offset).writeLong(length);
    top.writeInt(data == null ? crc(top) : crc(top, data));
    ByteBuf all = top;
    if (data != null) {
      CompositeByteBuf both = top.alloc().compositeBuffer(2);
      all = both.addComponent(true, top).addComponent(true, data.retainedSlice());
    }
    long here = at;
    at += all.readableBytes();
    pieces++;
    return log.write(here, all)
        .handle(
            (v, failure) -> {
              if (failure == null) {
                return Answers.done();
              }
              open = 0;
              lost = Failures.causeOf(failure);
              // There may be no room: it takes none until it is tried again.
              return log.truncate(PIECES)
                  .handle((w, t) -> CompletableFuture.<Void>failedFuture(Failures.causeOf(failure)))
                  .thenCompose(f -> f);
            })
        .thenCompose(f -> f);
  }

  /** Makes a batch the store's content, durably. Of one that was committed: says so again. */
  CompletableFuture<Void> commit(long number, long epoch, long count) {
    return ready()
        .thenCompose(
            h -> {
              if (number == h.number && h.state == APPLIED) {
                return Answers.done();
              }
              if (number != open || count != pieces) {
                return Answers.failed(
                    NbdError.EIO,
                    "batch " + number + " has not all of its " + count + " pieces here");
              }
              open = 0;
              Head done = h.next(COMMITTED, number, epoch, pieces, at);
              return log.force().thenCompose(v -> put(done)).thenCompose(this::apply);
            });
  }

  /** Ends what was committed and forgets what was not. */
  CompletableFuture<Void> finish() {
    open = 0;
    return forget();
  }

  /** Ends what was committed; what was not takes no room any more. */
  private CompletableFuture<Void> forget() {
    return ready().thenCompose(h -> log.truncate(PIECES));
  }

  /** Forgets all, durably. */
  CompletableFuture<Void> discard() {
    open = 0;
    head = null;
    return log.truncate(0).thenCompose(v -> log.force());
  }

  // ------------------------------------------------------------------ applying

  private CompletableFuture<Head> redo(Head h) {
    // What it was to flush when it failed is written again, and nothing else counts until then.
    store.forgetLoss();
    return pieces(h, false)
        .handle(
            (v, failure) -> {
              if (failure == null) {
                return apply(h);
              }
              Throwable cause = Failures.causeOf(failure);
              return cause instanceof Damaged
                  ? setAside(h, String.valueOf(cause.getMessage()))
                  : CompletableFuture.<Void>failedFuture(cause);
            })
        .thenCompose(v -> v)
        .thenApply(
            v -> {
              Head now = head;
              return now == null ? h : now;
            });
  }

  private CompletableFuture<Void> setAside(Head h, String why) {
    Head lostHead = h.next(LOST, h.number, h.epoch, 0, PIECES);
    return log.setAside(slot(lostHead), bytes(lostHead))
        .thenAccept(
            kept -> {
              head = lostHead;
              LOG.error(
                  "{}; it is kept as {}. It may be in the store in part, which is of no one time"
                      + " until the owner has sent all of it again",
                  why,
                  kept);
            });
  }

  /** Why what the store has is of no one time, or null where it is not known to be so. */
  @Nullable String damage() {
    Head h = head;
    return h == null || h.state != LOST
        ? null
        : "batch "
            + h.number
            + " of the owner's changes was damaged and may be here in part: the owner sends it"
            + " again";
  }

  /** What the store has counts as it is: it is the owner's, whose map says what of it is valid. */
  CompletableFuture<Void> accept() {
    Head known = head;
    CompletableFuture<Head> read =
        known == null ? readHeads() : CompletableFuture.completedFuture(known);
    return read.thenCompose(
        h ->
            h.state == LOST
                ? put(h.next(APPLIED, h.number, h.epoch, 0, PIECES)).thenAccept(done -> {})
                : Answers.done());
  }

  private CompletableFuture<Void> apply(Head h) {
    return pieces(h, true)
        .thenCompose(v -> store.flush())
        .thenCompose(v -> put(h.next(APPLIED, h.number, h.epoch, 0, PIECES)))
        .thenCompose(v -> log.truncate(PIECES));
  }

  private static final class Walk {
    long at = PIECES;
    long done;
  }

  /** Goes through all pieces: to see that they are whole, or to write them. */
  private CompletableFuture<Void> pieces(Head h, boolean write) {
    Walk walk = new Walk();
    return Steps.repeat(
            () ->
                walk.done == h.pieces
                    ? CompletableFuture.completedFuture(false)
                    : piece(h, walk, write).thenApply(v -> true))
        .thenAccept(
            v -> {
              if (walk.at != h.end) {
                throw damaged(h, walk.at);
              }
            });
  }

  /** A batch cannot be read as it was written. */
  private static final class Damaged extends RuntimeException {
    private static final long serialVersionUID = 1L;

    Damaged(Head h, long at, @Nullable Throwable cause) {
      super(
          "batch "
              + h.number
              + ", which is committed, is damaged at byte "
              + at
              + (cause == null ? "" : ": " + cause.getMessage()),
          cause);
    }
  }

  private static Damaged damaged(Head h, long at) {
    return new Damaged(h, at, null);
  }

  /** As {@link BatchLog#read}; a part that cannot be read is damaged. */
  private CompletableFuture<ByteBuf> read(Head h, long offset, int length) {
    return log.read(offset, length)
        .exceptionally(
            failure -> {
              Throwable cause = Failures.causeOf(failure);
              throw NbdException.errorOf(cause) == NbdError.EIO
                  ? new Damaged(h, offset, cause)
                  : Failures.of(cause);
            });
  }

  private CompletableFuture<Void> piece(Head h, Walk walk, boolean write) {
    return read(h, walk.at, PIECE_HEAD)
        .thenCompose(
            top -> {
              if (top.readableBytes() < PIECE_HEAD || top.getInt(0) != PIECE_MAGIC) {
                top.release();
                throw damaged(h, walk.at);
              }
              long length = top.getLong(24);
              boolean data = top.getInt(4) == DATA;
              if (top.getLong(8) != h.number || length < 1 || (data && length > LARGEST)) {
                top.release();
                throw damaged(h, walk.at);
              }
              CompletableFuture<@Nullable ByteBuf> body =
                  data
                      ? read(h, walk.at + PIECE_HEAD, (int) length).thenApply(b -> b)
                      : CompletableFuture.completedFuture(null);
              return body.thenCompose(bytes -> piece(h, walk, top, bytes, write))
                  .whenComplete((v, failure) -> top.release());
            });
  }

  private CompletableFuture<Void> piece(
      Head h, Walk walk, ByteBuf top, @Nullable ByteBuf data, boolean write) {
    long offset = top.getLong(16);
    long length = top.getLong(24);
    ByteBuf covered = top.slice(0, PIECE_HEAD - 4);
    int crc = data == null ? crc(covered) : crc(covered, data);
    boolean whole =
        crc == top.getInt(32)
            && (data == null || data.readableBytes() == length)
            && offset >= 0
            && length <= store.size() - offset;
    CompletableFuture<Void> done;
    if (!whole) {
      done = CompletableFuture.failedFuture(damaged(h, walk.at));
    } else if (!write) {
      done = Answers.done();
    } else if (data == null) {
      done = store.zero(offset, length, 0);
    } else {
      done = store.write(offset, data, 0);
    }
    walk.at += PIECE_HEAD + (data == null ? 0 : length);
    walk.done++;
    return done.whenComplete(
        (v, failure) -> {
          if (data != null) {
            data.release();
          }
        });
  }

  CompletableFuture<Void> close() {
    return log.close();
  }
}
