package dev.wherry.nbd.client;

import dev.wherry.nbd.Export;
import dev.wherry.nbd.ExportInfo;
import dev.wherry.nbd.ExportInfo.Ability;
import dev.wherry.nbd.Extent;
import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import dev.wherry.nbd.NbdTls;
import dev.wherry.nbd.NbdUri;
import dev.wherry.nbd.Wire;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.CompositeByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.buffer.Unpooled;
import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import io.netty.handler.ssl.SslContext;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;

/**
 * An export of another NBD server. Pipelines any number of requests over one connection, or several
 * where the server says CAN_MULTI_CONN; splits what is longer than the server takes; and makes a
 * server that goes away and comes back a pause and nothing more.
 *
 * <h2>What it promises</h2>
 *
 * Whatever the server forgets when it dies (a page cache, all of its memory), this holds as long as
 * the client lives:
 *
 * <ul>
 *   <li>A write, trim or zero that was answered is there for every read that begins after it, and
 *       for ever once a flush that begins after it is answered.
 *   <li>Reads never go back in time: once a byte was seen, nothing older is seen.
 *   <li>A flush never succeeds in place of one that failed. A refused flush, or a change that the
 *       server refuses when it is made again, fails the client for good: all requests then get EIO,
 *       and the device has to be opened again.
 * </ul>
 *
 * A change that failed leaves its range undefined until it is written again.
 *
 * <h2>How</h2>
 *
 * <ol>
 *   <li><b>Overlap.</b> A change that was sent and not answered holds its range: any other request
 *       that touches it waits for it, and for nothing else. So the order of changes to a byte is
 *       the order of their answers, and what is not answered was not seen by any later read.
 *   <li><b>Ledger.</b> A change that was answered is kept, with a copy of its data, until a flush
 *       succeeds that was <em>sent</em> after that answer. One with FUA is durable and is only
 *       noted, and only while older ones are kept, so that none of them is replayed over it.
 *   <li><b>Sessions.</b> The connections that are open together are one session, and all of them
 *       lead to one run of the server: when the further ones are open, the first one has to answer
 *       once more. That matters as a flush on one covers the answers of the others. When one is
 *       lost, nothing more is sent on the others; the answers that still come, in up to 2 s, are
 *       taken; then all are closed. Any loss counts as a loss of all that was not flushed.
 *   <li><b>Replay.</b> A new session begins with the ledger: for each byte the newest of what is
 *       kept. When all of that is answered, and not before, the requests that had no answer are
 *       sent again, and then the new ones. A session that is lost amid its replay has changed
 *       nothing that the next one does not.
 * </ol>
 *
 * By 1 there is one history of changes for each byte, by 2 and 3 the ledger holds at any moment
 * every answered change that may not be durable, so by 4 each session begins with the newest
 * answered content of every byte. A read that was answered saw that, or a change that was under way
 * beside it; such a change still holds its range, so that it is made again before any later read.
 *
 * <p>The ledger is bounded ({@link NbdClientOptions#replayLimit}): at half of it the client flushes
 * by itself, at the whole of it changes wait.
 *
 * <h2>What remains</h2>
 *
 * <ul>
 *   <li>Nothing in the protocol fences an old connection. A server that lives on, out of reach, may
 *       carry out a change of a lost connection after the new session has overwritten that range.
 *       Servers finish or drop what they have read when a connection breaks, well before we come
 *       back; and a request that is merely slow never makes us leave: only silence on a connection
 *       for the whole of the I/O timeout does, or the kernel's word that the host is gone.
 *   <li>A server without FLUSH is taken at its word that what it answers is durable.
 *   <li>Two servers that serve the same bytes at the same address at the same time are beyond us.
 * </ul>
 *
 * <h2>Time</h2>
 *
 * A request fails with EIO when it is not answered within {@link NbdClientOptions#ioTimeout}, be
 * the server away or slow. A change that failed so while it was under way keeps its range until the
 * server answers it or the connection ends, so that it cannot overtake a newer one. Reconnecting
 * goes on for as long as the client is open. A server that comes back smaller, read-only or with
 * fewer abilities is not the server: the client goes on waiting for the right one.
 *
 * <h2>Threads and buffers</h2>
 *
 * All state belongs to one event loop. The methods may be called on any thread; futures complete on
 * the event loop (a refused request on the caller's thread), so what hangs on them must not block.
 * Data to write are copied once, on the caller's thread.
 */
public final class NbdClient implements Export {
  private static final ByteBufAllocator ALLOCATOR = PooledByteBufAllocator.DEFAULT;

  /** Zeroes that go over the wire where the server knows no WRITE_ZEROES: one piece of them. */
  private static final int ZERO_PIECE = 1 << 20;

  private final NbdUri uri;
  private final boolean readOnly;
  private final Dispatcher dispatcher;

  private NbdClient(NbdUri uri, boolean readOnly, Dispatcher dispatcher) {
    this.uri = uri;
    this.readOnly = readOnly;
    this.dispatcher = dispatcher;
  }

  /**
   * Connects. Does not try again if the first attempt fails; once connected it reconnects for as
   * long as it is not closed.
   *
   * <p>Certificates are read from their files on the calling thread; otherwise nothing blocks.
   *
   * @param group of epoll or NIO event loops; the client lives on one of them
   * @return fails with {@link NbdConnectException}, or with {@link IllegalArgumentException} for an
   *     event loop of another kind; completes on the event loop
   */
  public static CompletableFuture<NbdClient> connect(
      NbdUri uri, NbdClientOptions options, EventLoopGroup group) {
    try {
      EventLoop loop = group.next();
      Reactor reactor = Reactor.of(loop);
      NettyDialer dialer = new NettyDialer(uri, options, loop, reactor, tls(uri, options));
      Dispatcher dispatcher =
          new Dispatcher(
              "NBD server " + uri.place(),
              options,
              reactor,
              dialer,
              ThreadLocalRandom.current().nextLong());
      NbdClient client = new NbdClient(uri, options.readOnly(), dispatcher);
      return dispatcher.start().thenApply(terms -> client);
    } catch (RuntimeException e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  private static @Nullable SslContext tls(NbdUri uri, NbdClientOptions options) {
    if (!uri.tls()) {
      return null;
    }
    Path directory = uri.tlsCertificates() != null ? uri.tlsCertificates() : options.tlsDir();
    try {
      return NbdTls.client(directory, uri.tlsVerifyPeer());
    } catch (IllegalArgumentException e) {
      throw new NbdConnectException(
          NbdConnectException.Reason.REFUSED,
          "NBD server " + uri.place() + ": " + e.getMessage(),
          e);
    }
  }

  /** Where the export is. */
  public NbdUri uri() {
    return uri;
  }

  /**
   * Closes all connections; requests in flight fail with EIO. Does not flush: what was not flushed
   * is no longer replayed. Completes when the connections are closed, on the event loop.
   */
  public CompletableFuture<Void> close() {
    return dispatcher.close();
  }

  /**
   * Takes leave of the server and connects anew, as after a loss, to learn of a size that has
   * grown. Requests wait meanwhile. Fails with EIO if that takes longer than the I/O timeout.
   */
  public CompletableFuture<Void> reconnect() {
    return dispatcher.reconnect();
  }

  private Terms terms() {
    Terms terms = dispatcher.terms();
    if (terms == null) {
      throw new IllegalStateException("not connected");
    }
    return terms;
  }

  @Override
  public ExportInfo info() {
    ExportInfo info = dispatcher.info();
    if (info == null) {
      throw new IllegalStateException("not connected");
    }
    return info;
  }

  private CompletableFuture<Command> submit(Command c) {
    dispatcher.submit(c);
    return c.done;
  }

  @Override
  public CompletableFuture<ByteBuf> read(long offset, int length) {
    int step = terms().maxPayload();
    if (length <= step) {
      CompletableFuture<ByteBuf> result = new CompletableFuture<>();
      submit(Command.of(Wire.CMD_READ, 0, offset, length))
          .whenComplete(
              (c, e) -> {
                if (e != null) {
                  result.completeExceptionally(e);
                } else {
                  ByteBuf data = c.takeData();
                  if (!result.complete(data)) {
                    data.release(); // Cancelled.
                  }
                }
              });
      return result;
    }
    List<CompletableFuture<ByteBuf>> parts = new ArrayList<>();
    for (int at = 0; at < length; at += step) {
      parts.add(read(offset + at, Math.min(step, length - at)));
    }
    return CompletableFuture.allOf(parts.toArray(new CompletableFuture<?>[0]))
        .handle(
            (v, e) -> {
              if (e != null) {
                parts.forEach(p -> p.thenAccept(ByteBuf::release));
                throw new NbdException(NbdException.errorOf(e), String.valueOf(e.getMessage()), e);
              }
              CompositeByteBuf whole = ALLOCATOR.compositeBuffer(parts.size());
              parts.forEach(p -> whole.addComponent(true, p.join()));
              return whole;
            });
  }

  @Override
  public CompletableFuture<Void> write(long offset, ByteBuf data, int flags) {
    CompletableFuture<Void> refused = refuseChange();
    if (refused != null) {
      return refused;
    }
    Terms terms = terms();
    int length = data.readableBytes();
    int step = terms.maxPayload();
    List<CompletableFuture<?>> parts = new ArrayList<>(1);
    for (int at = 0; at < length; at += step) {
      int count = Math.min(step, length - at);
      // A copy: the lender may change its buffer once it is answered, we may have to send it again.
      ByteBuf copy = ALLOCATOR.directBuffer(count, count);
      copy.writeBytes(data, data.readerIndex() + at, count);
      parts.add(
          submit(Command.write(Command.Role.CALLER, wireFlags(terms, flags), offset + at, copy)));
    }
    return thenFlush(terms, flags, all(parts));
  }

  private static CompletableFuture<Void> all(List<CompletableFuture<?>> parts) {
    return parts.size() == 1
        ? parts.get(0).thenAccept(c -> {})
        : CompletableFuture.allOf(parts.toArray(new CompletableFuture<?>[0]));
  }

  private static int wireFlags(Terms terms, int flags) {
    int wire = 0;
    if ((flags & FUA) != 0 && terms.has(Wire.FLAG_SEND_FUA)) {
      wire |= Wire.CMD_FLAG_FUA;
    }
    if ((flags & NO_HOLE) != 0) {
      wire |= Wire.CMD_FLAG_NO_HOLE;
    }
    if ((flags & FAST_ZERO) != 0) {
      wire |= Wire.CMD_FLAG_FAST_ZERO;
    }
    return wire;
  }

  /** FUA for servers that have none. */
  private CompletableFuture<Void> thenFlush(
      Terms terms, int flags, CompletableFuture<Void> change) {
    boolean needed = (flags & FUA) != 0 && !terms.has(Wire.FLAG_SEND_FUA);
    return needed ? change.thenCompose(v -> flush()) : change;
  }

  @Override
  public CompletableFuture<Void> flush() {
    if (!terms().has(Wire.FLAG_SEND_FLUSH)) {
      // The server has no cache to flush, or none that we could reach.
      return CompletableFuture.completedFuture(null);
    }
    return submit(Command.of(Wire.CMD_FLUSH, 0, 0, 0)).thenAccept(c -> {});
  }

  @Override
  public CompletableFuture<Void> trim(long offset, long length, int flags) {
    Terms terms = terms();
    CompletableFuture<Void> refused =
        terms.has(Wire.FLAG_SEND_TRIM) ? refuseChange() : notSupported("TRIM");
    if (refused != null) {
      return refused;
    }
    return thenFlush(
        terms,
        flags,
        inSteps(Wire.CMD_TRIM, wireFlags(terms, flags & FUA), offset, length, terms.maxLength()));
  }

  @Override
  public CompletableFuture<Void> zero(long offset, long length, int flags) {
    CompletableFuture<Void> refused = refuseChange();
    if (refused != null) {
      return refused;
    }
    Terms terms = terms();
    boolean fast = (flags & FAST_ZERO) != 0;
    if (fast && !info().can(Ability.FAST_ZERO)) {
      return notSupported("a fast WRITE_ZEROES");
    }
    if (!terms.has(Wire.FLAG_SEND_WRITE_ZEROES)) {
      return writeZeroes(offset, length, flags);
    }
    return thenFlush(
        terms,
        flags,
        inSteps(Wire.CMD_WRITE_ZEROES, wireFlags(terms, flags), offset, length, terms.maxLength()));
  }

  private CompletableFuture<Void> writeZeroes(long offset, long length, int flags) {
    Terms terms = terms();
    int step = Math.min(ZERO_PIECE, terms.maxPayload());
    CompletableFuture<Void> written =
        Steps.run(
            offset,
            length,
            step,
            (at, count) -> {
              ByteBuf zeroes = Unpooled.wrappedBuffer(new byte[count.intValue()]);
              int wire = wireFlags(terms, flags & FUA);
              return submit(Command.write(Command.Role.CALLER, wire, at, zeroes));
            });
    return thenFlush(terms, flags, written);
  }

  @Override
  public CompletableFuture<Void> cache(long offset, long length) {
    Terms terms = terms();
    if (!terms.has(Wire.FLAG_SEND_CACHE)) {
      return notSupported("CACHE");
    }
    return inSteps(Wire.CMD_CACHE, 0, offset, length, Math.min(terms.maxLength(), 32L << 20));
  }

  private CompletableFuture<Void> inSteps(
      int type, int flags, long offset, long length, long step) {
    BiFunction<Long, Long, CompletableFuture<?>> one =
        (at, count) -> submit(Command.of(type, flags, at, count));
    return Steps.run(offset, length, step, one);
  }

  @Override
  public CompletableFuture<List<Extent>> status(
      String context, long offset, long length, int maxExtents) {
    Terms terms = terms();
    if (!terms.contexts().containsValue(context)) {
      return CompletableFuture.failedFuture(
          new NbdException(
              NbdError.EINVAL,
              "NBD server " + uri.place() + ": no metadata context " + context + " was agreed"));
    }
    int flags = maxExtents == 1 ? Wire.CMD_FLAG_REQ_ONE : 0;
    long count = Math.min(length, terms.maxLength());
    return submit(Command.of(Wire.CMD_BLOCK_STATUS, flags, offset, count))
        .thenApply(
            c -> {
              List<Extent> extents = c.extents(context);
              if (extents.isEmpty()) {
                throw new NbdException(
                    NbdError.EIO, "NBD server " + uri.place() + ": no status of " + context);
              }
              return List.copyOf(extents.subList(0, Math.min(maxExtents, extents.size())));
            });
  }

  private @Nullable CompletableFuture<Void> refuseChange() {
    return readOnly || terms().has(Wire.FLAG_READ_ONLY)
        ? CompletableFuture.failedFuture(
            new NbdException(NbdError.EPERM, "NBD server " + uri.place() + ": read-only"))
        : null;
  }

  private CompletableFuture<Void> notSupported(String what) {
    return CompletableFuture.failedFuture(
        new NbdException(
            NbdError.ENOTSUP, "NBD server " + uri.place() + ": " + what + " is not supported"));
  }

  @Override
  public String toString() {
    return uri.toString();
  }
}
