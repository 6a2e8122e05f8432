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

/**
 * What a batch that is {@linkplain Staging staged} consists of: one piece behind the other in the
 * file.
 *
 * <pre>
 *   magic "PIEC" (4)   kind (4): 1 data, 2 zeroes   number of the batch (8)
 *   offset in the volume (8)   length in bytes (8)   CRC-32C of that and the data (4)
 *   data, where the kind is 1
 * </pre>
 *
 * Calls do not overlap.
 */
final class StagedPieces {
  private static final int MAGIC = 0x5049_4543;
  private static final int HEAD = 36;
  private static final int DATA = 1;
  private static final int ZEROES = 2;
  private static final int LARGEST = 2 << 20;

  private static final class Walk {
    long at = StagedHead.PIECES;
    long done;
  }

  /** A batch cannot be read as it was written. */
  static final class Damaged extends RuntimeException {
    private static final long serialVersionUID = 1L;

    Damaged(StagedHead h, long at, @Nullable Throwable cause) {
      super(
          "batch "
              + h.number()
              + ", which is committed, is damaged at byte "
              + at
              + (cause == null ? "" : ": " + cause.getMessage()),
          cause);
    }
  }

  private final BatchLog log;
  private final LayeredStore store;

  /**
   * @param store gets what they say
   */
  StagedPieces(BatchLog log, LayeredStore store) {
    this.log = log;
    this.store = store;
  }

  /**
   * A piece as it is written; the caller's.
   *
   * @param data lent until that is released; null for zeroes
   */
  static ByteBuf bytes(long number, long offset, long length, @Nullable ByteBuf data) {
    ByteBuf top = Payloads.buffer(HEAD);
    top.writeInt(MAGIC).writeInt(data == null ? ZEROES : DATA);
    top.writeLong(number).writeLong(offset).writeLong(length);
    top.writeInt(data == null ? crc(top) : crc(top, data));
    ByteBuf all = top;
    if (data != null) {
      CompositeByteBuf both = top.alloc().compositeBuffer(2);
      all = both.addComponent(true, top).addComponent(true, data.retainedSlice());
    }
    return all;
  }

  /** The CRC-32C of what can be read of these, one after the other. */
  static int crc(ByteBuf... parts) {
    CRC32C crc = new CRC32C();
    for (ByteBuf part : parts) {
      for (ByteBuffer bytes : part.nioBuffers()) {
        crc.update(bytes);
      }
    }
    return (int) crc.getValue();
  }

  /**
   * Goes through all of a batch: to see that they are whole, or to write them to the store. Fails
   * with {@link Damaged} where they are not.
   */
  CompletableFuture<Void> all(StagedHead h, boolean write) {
    Walk walk = new Walk();
    return Steps.repeat(
            () ->
                walk.done == h.pieces()
                    ? CompletableFuture.completedFuture(false)
                    : piece(h, walk, write).thenApply(v -> true))
        .thenAccept(
            v -> {
              if (walk.at != h.end()) {
                throw damaged(h, walk.at);
              }
            });
  }

  private static Damaged damaged(StagedHead h, long at) {
    return new Damaged(h, at, null);
  }

  /** As {@link BatchLog#read}; a part that cannot be read is damaged. */
  private CompletableFuture<ByteBuf> read(StagedHead h, long offset, int length) {
    return log.read(offset, length)
        .exceptionally(
            failure -> {
              Throwable cause = Failures.causeOf(failure);
              throw NbdException.errorOf(cause) == NbdError.EIO
                  ? new Damaged(h, offset, cause)
                  : Failures.of(cause);
            });
  }

  private CompletableFuture<Void> piece(StagedHead h, Walk walk, boolean write) {
    return read(h, walk.at, HEAD)
        .thenCompose(
            top -> {
              if (top.readableBytes() < HEAD || top.getInt(0) != MAGIC) {
                top.release();
                throw damaged(h, walk.at);
              }
              long length = top.getLong(24);
              boolean data = top.getInt(4) == DATA;
              if (top.getLong(8) != h.number() || length < 1 || (data && length > LARGEST)) {
                top.release();
                throw damaged(h, walk.at);
              }
              CompletableFuture<@Nullable ByteBuf> body =
                  data
                      ? read(h, walk.at + HEAD, (int) length).thenApply(b -> b)
                      : CompletableFuture.completedFuture(null);
              return body.thenCompose(bytes -> piece(h, walk, top, bytes, write))
                  .whenComplete((v, failure) -> top.release());
            });
  }

  private CompletableFuture<Void> piece(
      StagedHead h, Walk walk, ByteBuf top, @Nullable ByteBuf data, boolean write) {
    long offset = top.getLong(16);
    long length = top.getLong(24);
    ByteBuf covered = top.slice(0, HEAD - 4);
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
    walk.at += HEAD + (data == null ? 0 : length);
    walk.done++;
    return done.whenComplete(
        (v, failure) -> {
          if (data != null) {
            data.release();
          }
        });
  }
}
