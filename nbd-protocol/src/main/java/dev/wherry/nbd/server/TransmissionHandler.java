package dev.wherry.nbd.server;

import static dev.wherry.nbd.Wire.CMD_BLOCK_STATUS;
import static dev.wherry.nbd.Wire.CMD_DISC;
import static dev.wherry.nbd.Wire.CMD_READ;
import static dev.wherry.nbd.Wire.CMD_WRITE;

import dev.wherry.nbd.ExportInfo;
import dev.wherry.nbd.server.ExportDirectory.Session;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.handler.codec.CorruptedFrameException;
import java.io.IOException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The transmission phase of one connection: takes requests from the decoder while there is room for
 * them, starts them, and ends the connection when nothing is left in flight.
 *
 * <pre>
 *  SERVING --DISC, shutdown, bad magic, end of stream--> ENDING --nothing in flight--> ENDED
 * </pre>
 *
 * What keeps a request from being started (too many in flight, no memory, a peer that does not read
 * its replies) stops reading from the socket; whatever cures it calls {@link #resume}.
 */
final class TransmissionHandler extends ChannelInboundHandlerAdapter
    implements RequestDecoder.Sink, ExportDirectory.Connection {
  private static final Logger log = LoggerFactory.getLogger(TransmissionHandler.class);

  private enum State {
    SERVING,
    ENDING,
    ENDED
  }

  private final ServerCore core;
  private final Session session;
  private final Peer peer;
  private final SessionMode mode;
  private final ExportInfo info;
  private final MemoryBudget exportBudget;
  private final Credit credit;
  private final RequestDecoder decoder;
  private final Unread unread = new Unread();
  private final long since = System.currentTimeMillis();
  private final StallClock stall;
  private @Nullable ChannelHandlerContext ctx;
  private @Nullable Outbound out;
  private @Nullable Dispatcher dispatcher;
  private State state = State.SERVING;
  private boolean reading;
  private boolean decoding;
  private boolean roomPending;
  private boolean flushPending;
  private boolean draining;
  private long bytesIn;

  TransmissionHandler(
      ServerCore core, Session session, ExportInfo info, Peer peer, SessionMode mode) {
    this.core = core;
    this.session = session;
    this.info = info;
    this.peer = peer;
    this.mode = mode;
    this.exportBudget = core.exportBudget(session.name());
    this.credit =
        new Credit(
            core.memory(),
            exportBudget,
            core.limits().bytesPerConnection(),
            this::later,
            this::granted);
    this.decoder = new RequestDecoder(this, mode.extended());
    this.stall = new StallClock(core.limits().stallMillis());
  }

  @Override
  public void handlerAdded(ChannelHandlerContext context) {
    ctx = context;
    Outbound o = new Outbound(context, credit, this::room);
    out = o;
    dispatcher =
        new Dispatcher(
            session.export(),
            mode,
            o,
            credit,
            new Tally(session.stats(), core.options().slowNanos(), session.name(), peer),
            this);
    core.started(this);
    session.attached(this);
  }

  private ChannelHandlerContext ctx() {
    ChannelHandlerContext c = ctx;
    if (c == null) {
      throw new IllegalStateException("not in a pipeline");
    }
    return c;
  }

  private Outbound out() {
    Outbound o = out;
    if (o == null) {
      throw new IllegalStateException("not in a pipeline");
    }
    return o;
  }

  private Dispatcher dispatcher() {
    Dispatcher d = dispatcher;
    if (d == null) {
      throw new IllegalStateException("not in a pipeline");
    }
    return d;
  }

  // What the socket brings.

  @Override
  public void channelRead(ChannelHandlerContext context, Object message) {
    ByteBuf in = (ByteBuf) message;
    if (state != State.SERVING) {
      in.release();
      return;
    }
    reading = true;
    bytesIn += in.readableBytes();
    unread.add(in);
    if (!decoder.blocked()) {
      decodeUnread();
    }
  }

  @Override
  public void channelReadComplete(ChannelHandlerContext context) {
    reading = false;
    out().flush();
    endIfIdle();
  }

  @Override
  public void channelWritabilityChanged(ChannelHandlerContext context) {
    room();
  }

  @Override
  public void channelInactive(ChannelHandlerContext context) {
    ending();
    out().close();
    endIfIdle();
    context.fireChannelInactive();
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
    if (cause instanceof CorruptedFrameException && context.channel().isActive()) {
      warn("connection ends: " + cause.getMessage());
      ending();
      endIfIdle();
      return;
    }
    if (cause instanceof IOException) {
      log.debug("connection {} to {}: {}", peer.id(), session.name(), cause.toString());
    } else {
      warn("connection dropped: " + cause);
    }
    context.close();
  }

  private void warn(String text) {
    LogContext.in(session.name(), peer, () -> log.warn(text));
  }

  private void decodeUnread() {
    decoding = true;
    try {
      unread.decode(decoder);
    } finally {
      decoding = false;
      if (state != State.SERVING) {
        unread.drop();
      }
    }
    if (draining && !decoder.blocked()) {
      ending();
    }
    boolean wanted = !decoder.blocked() && state == State.SERVING;
    if (ctx().channel().config().isAutoRead() != wanted) {
      ctx().channel().config().setAutoRead(wanted);
    }
  }

  /** Goes on where the decoder stopped for want of room. On the event loop. */
  void resume() {
    if (!decoding && state == State.SERVING && decoder.blocked()) {
      decoder.resume();
      try {
        decodeUnread();
      } catch (RuntimeException e) {
        exceptionCaught(ctx(), e);
        return;
      }
      flushSoon();
      endIfIdle();
    }
  }

  /**
   * Something has been sent: goes on, or ends. Never at once, for this is called out of the middle
   * of queueing a reply, and nothing may come between its parts; nor may a cure be lost that comes
   * while the decoder is being stopped.
   */
  private void room() {
    if (!roomPending && (decoding || decoder.blocked() || state == State.ENDING)) {
      roomPending = true;
      later(
          () -> {
            roomPending = false;
            resume();
            endIfIdle();
          });
    }
  }

  /** Memory that was waited for is there, to be taken before this returns. */
  private void granted() {
    if (decoding) {
      room();
    } else {
      resume();
    }
  }

  // What the decoder asks.

  @Override
  public boolean admit(Request r) {
    RequestValidator.validate(r, info, mode);
    if (dispatcher().inFlight() >= core.limits().requestsPerConnection()) {
      return false;
    }
    if (!out().hasRoom()) {
      out().flush();
      if (!out().hasRoom()) {
        return false;
      }
    }
    return r.type != CMD_READ || r.error != null || take((int) r.length);
  }

  @Override
  public boolean keep(int bytes) {
    return credit.takeForPayload(bytes) || waitsForMemory();
  }

  private boolean take(int bytes) {
    return credit.take(bytes) || waitsForMemory();
  }

  /** Always false. */
  private boolean waitsForMemory() {
    if (credit.waits()) {
      core.pressure();
    }
    return false;
  }

  @Override
  public void request(Request r, ByteBuf payload, int kept) {
    credit.endPayload();
    if (payload.isReadable() && r.type == CMD_BLOCK_STATUS) {
      RequestValidator.statusPayload(r, payload, info);
    }
    if (r.error != null) {
      dispatcher().reject(r, kept);
    } else if (r.type == CMD_DISC) {
      ending();
    } else if (r.type == CMD_WRITE) {
      dispatcher().write(r, payload, kept);
    } else {
      dispatcher().dispatch(r, payload, kept);
    }
  }

  // Ends of requests, called by the dispatcher on the event loop.

  /** A request that was in flight has been answered. */
  void answered() {
    flushSoon();
    if (decoder.blocked()) {
      resume();
    }
    endIfIdle();
  }

  private void flushSoon() {
    if (!reading && !flushPending) {
      flushPending = true;
      ctx().executor().execute(this::flushNow);
    }
  }

  private void flushNow() {
    flushPending = false;
    out().flush();
    endIfIdle();
  }

  /** Whether data must pass through memory to be encrypted. */
  boolean secure() {
    return peer.certificateName() != null;
  }

  /** A guess at how many requests the bytes in hand still hold, 1 to 64. */
  int likelyReplies() {
    return unread.likelyRequests();
  }

  /** Runs on the event loop; once that is gone nothing is left to do. */
  boolean onLoop(Runnable task) {
    if (ctx().executor().inEventLoop()) {
      task.run();
      return true;
    }
    try {
      ctx().executor().execute(task);
      return true;
    } catch (RejectedExecutionException e) {
      log.debug("connection {}: event loop is gone", peer.id());
      return false;
    }
  }

  /** As {@link #onLoop}, but never at once. */
  private void later(Runnable task) {
    try {
      ctx().executor().execute(task);
    } catch (RejectedExecutionException e) {
      log.debug("connection {}: event loop is gone", peer.id());
    }
  }

  // The end.

  private void ending() {
    if (state == State.SERVING) {
      state = State.ENDING;
      decoder.stop();
      if (!decoding) {
        unread.drop();
      }
      credit.endPayload();
      credit.close();
      credit.give(decoder.close());
      credit.endOverdraw();
    }
  }

  private void endIfIdle() {
    if (state != State.ENDING || decoding || dispatcher().inFlight() > 0) {
      return;
    }
    if (ctx().channel().isActive()) {
      out().flush();
      // What has just been sent may have ended it already.
      if (state != State.ENDING || !out().isEmpty()) {
        return;
      }
      // Once: whatever comes back from the socket now has been answered.
      state = State.ENDED;
      ctx().writeAndFlush(Unpooled.EMPTY_BUFFER).addListener(ChannelFutureListener.CLOSE);
      ctx().channel().closeFuture().addListener(f -> closed());
    } else {
      state = State.ENDED;
      closed();
    }
  }

  private void closed() {
    out().close();
    core.ended(this);
    core.releaseExportBudget(session.name(), exportBudget);
    session.close();
  }

  // What the export's owner and the server may ask, on any thread.

  @Override
  public Peer peer() {
    return peer;
  }

  @Override
  public long since() {
    return since;
  }

  @Override
  public void shutdown() {
    onLoop(
        () -> {
          if (state == State.SERVING && decoder.blocked()) {
            // What was read is still to be started; nothing more is read meanwhile.
            draining = true;
          } else {
            ending();
          }
          endIfIdle();
        });
  }

  @Override
  public CompletableFuture<Void> detachReplies() {
    CompletableFuture<Void> done = new CompletableFuture<>();
    boolean queued =
        onLoop(
            () -> {
              try {
                out().detach();
              } catch (IOException e) {
                warn("connection dropped, a reply was lost: " + e);
                ctx().close();
              }
              done.complete(null);
            });
    if (!queued) {
      done.complete(null);
    }
    return done;
  }

  @Override
  public void abort() {
    onLoop(() -> ctx().close());
  }

  /** Under memory pressure: drops the peer if it holds memory and does not move. Any thread. */
  void checkStall(long nowNanos) {
    onLoop(
        () -> {
          // A little that is not read is no less memory than much, if many peers do so.
          long pending = out().pendingBytes();
          boolean owes = (decoder.inPayload() && !decoder.blocked()) || pending > 0;
          long progress = bytesIn - pending;
          if (stall.stalled(nowNanos, owes && credit.used() > 0, progress)) {
            warn("connection dropped: it holds " + credit.used() + " bytes and does not move");
            ctx().close();
          }
        });
  }
}
