package dev.wherry.nbd.client;

import dev.wherry.nbd.Export;
import dev.wherry.nbd.ExportInfo;
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

/** An export of another NBD server. ESSAY */
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
    if (fast && !info().canFastZero()) {
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
