package dev.wherry.nbd;

import io.netty.buffer.ByteBuf;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * Bytes that can be read and written by offset: what an NBD server serves, what an NBD client
 * offers, and what every block device, path handler and volume of Wherry is.
 *
 * <h2>Requests</h2>
 *
 * The plain methods are asynchronous. They may be called on any thread and never block it. The
 * future may complete on any thread, also before the method returns; it fails with an {@link
 * NbdException} where the error matters, and anything else counts as EIO. Nothing is thrown for a
 * bad request: the caller has validated it once at the edge, so {@code 0 <= offset}, {@code offset
 * + length <= size}, and both are multiples of {@link ExportInfo#minBlock}.
 *
 * <h2>Attempts</h2>
 *
 * The {@code try} methods run on an event loop. They do the whole request at once or return false
 * (null) having done nothing that matters; they never wait for a device, a lock or another request.
 * An error is also "false": the plain method, that the caller then uses, reports it. An
 * implementation that has no such shortcut leaves the defaults.
 *
 * <h2>Durability</h2>
 *
 * A request that succeeded is visible to every later read. It is durable once a later {@link
 * #flush()} succeeded, or on its own success where it carried {@link #FUA}.
 *
 * <h2>Buffers</h2>
 *
 * A buffer passed in is lent until the future completes: its indices stay as they are and it is not
 * released. A buffer handed out is owned by whoever gets it.
 */
public interface Export {
  /** Flag of write, trim and zero: durable before success ("NBD_CMD_FLAG_FUA"). */
  int FUA = 1;

  /** Flag of zero: allocate, punch no hole ("NBD_CMD_FLAG_NO_HOLE"). */
  int NO_HOLE = 1 << 1;

  /** Flag of zero: fail with ENOTSUP unless faster than writing ("NBD_CMD_FLAG_FAST_ZERO"). */
  int FAST_ZERO = 1 << 4;

  /** Size, block sizes and abilities, as they are now. Never blocks. */
  ExportInfo info();

  /**
   * Reads {@code length} bytes, 1 to 64 Mi. The caller releases the buffer; it has exactly {@code
   * length} readable bytes.
   */
  CompletableFuture<ByteBuf> read(long offset, int length);

  /** Writes all readable bytes of {@code data}. Flags: {@link #FUA}. */
  CompletableFuture<Void> write(long offset, ByteBuf data, int flags);

  /** Makes everything durable that had succeeded before this call, through whichever caller. */
  CompletableFuture<Void> flush();

  /**
   * Says that the range is no longer needed; what it reads as afterwards is undefined but stable.
   * Flags: {@link #FUA}.
   */
  CompletableFuture<Void> trim(long offset, long length, int flags);

  /** Makes the range read as zeroes. Flags: {@link #FUA}, {@link #NO_HOLE}, {@link #FAST_ZERO}. */
  CompletableFuture<Void> zero(long offset, long length, int flags);

  /** Asks that the range be made fast to read. Success promises nothing. */
  CompletableFuture<Void> cache(long offset, long length);

  /**
   * The state of a range in one of {@link ExportInfo#contexts}.
   *
   * @param maxExtents the most that the answer may hold, 1 or more
   * @return at least one extent, in order, from {@code offset} on. They may end before the range
   *     does, never after it
   */
  CompletableFuture<List<Extent>> status(String context, long offset, long length, int maxExtents);

  /** Appends {@code length} bytes to {@code into}, which has the room; true if done. */
  default boolean tryRead(long offset, int length, ByteBuf into) {
    return false;
  }

  /** Writes the readable bytes of {@code data}, whose indices stay; true if done. */
  default boolean tryWrite(long offset, ByteBuf data) {
    return false;
  }

  /**
   * The range of a file that can be sent now without waiting for a device, and in which no hole is
   * known. The caller releases it; until then the file stays open.
   */
  default @Nullable FileSlice trySend(long offset, int length) {
    return null;
  }
}
