package dev.wherry.nbd.server;

import static dev.wherry.nbd.Wire.*;

import dev.wherry.nbd.ExportInfo;
import dev.wherry.nbd.server.ExportDirectory.Session;
import dev.wherry.nbd.server.SessionMode.Context;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.ByteToMessageDecoder;
import io.netty.handler.codec.CorruptedFrameException;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslHandler;
import io.netty.util.concurrent.Future;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The handshake of one connection ("Fixed newstyle negotiation").
 *
 * <pre>
 *  READING --an option, answered at once--> READING
 *          --asks the directory--> WAITING --> READING
 *          --GO or EXPORT_NAME granted, or ABORT--> DONE
 * </pre>
 *
 * While WAITING nothing is read. All of it must end within {@link ServerLimits#negotiationMillis}.
 */
final class NegotiationHandler extends ByteToMessageDecoder {
  private static final Logger log = LoggerFactory.getLogger(NegotiationHandler.class);

  private enum State {
    READING,
    WAITING,
    DONE
  }

  private final ServerCore core;
  private final TlsMode tls;
  private final @Nullable String defaultExport;
  private Peer peer;
  private final OptionReader reader = new OptionReader();
  private final Agreement agreement = new Agreement();
  private State state = State.READING;
  private boolean secure;
  private @Nullable Future<?> deadline;
  private Runnable onEnd = () -> {};

  /**
   * @param defaultExport what the empty name means on this listener, or null to ask the directory
   */
  NegotiationHandler(ServerCore core, TlsMode tls, Peer peer, @Nullable String defaultExport) {
    this.core = core;
    this.tls = tls;
    this.peer = peer;
    this.defaultExport = defaultExport;
  }

  /** Runs when the negotiation is over, whatever came of it; on the event loop. */
  void onEnd(Runnable action) {
    onEnd = action;
  }

  @Override
  public void channelActive(ChannelHandlerContext ctx) {
    int limit = core.limits().negotiationMillis();
    deadline =
        ctx.executor()
            .schedule(
                () -> {
                  log.info("connection {}: no end of negotiation in {} ms", peer.id(), limit);
                  ctx.close();
                },
                limit,
                TimeUnit.MILLISECONDS);
    ctx.writeAndFlush(
        Unpooled.buffer(GREETING_LENGTH)
            .writeLong(INIT_MAGIC)
            .writeLong(OPTION_MAGIC)
            .writeShort(FLAG_FIXED_NEWSTYLE | FLAG_NO_ZEROES));
  }

  @Override
  protected void handlerRemoved0(ChannelHandlerContext ctx) {
    onEnd.run();
    if (deadline != null) {
      deadline.cancel(false);
    }
  }

  @Override
  public void channelInactive(ChannelHandlerContext ctx) throws Exception {
    if (deadline != null) {
      deadline.cancel(false);
    }
    state = State.DONE;
    super.channelInactive(ctx);
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
    log.info("connection {}: negotiation failed: {}", peer.id(), String.valueOf(cause));
    ctx.close();
  }

  @Override
  protected void decode(ChannelHandlerContext ctx, ByteBuf in, List<Object> unused) {
    if (state != State.READING) {
      return;
    }
    switch (reader.step(in)) {
      case NOTHING -> {}
      case OPTION -> option(ctx, reader.data(), in.isReadable());
      case TOO_LONG -> {
        if (wantsTls()) {
          reply(ctx, OptionReplies.text(option(), REP_ERR_TLS_REQD, "STARTTLS first"));
        } else {
          reply(
              ctx,
              OptionReplies.text(option(), REP_ERR_TOO_BIG, "limit is " + OptionReader.MAX_DATA));
        }
      }
    }
  }

  /** The option that is being answered. */
  private int option() {
    return reader.option();
  }

  private void option(ChannelHandlerContext ctx, ByteBuf data, boolean more) {
    if (wantsTls()) {
      if (option() == OPT_EXPORT_NAME) {
        throw new CorruptedFrameException("EXPORT_NAME before STARTTLS");
      }
      reply(ctx, OptionReplies.text(option(), REP_ERR_TLS_REQD, "STARTTLS first"));
      return;
    }
    switch (option()) {
      case OPT_EXPORT_NAME -> exportName(ctx, data);
      case OPT_ABORT -> {
        state = State.DONE;
        ctx.writeAndFlush(OptionReplies.empty(option(), REP_ACK))
            .addListener(ChannelFutureListener.CLOSE);
      }
      case OPT_LIST -> list(ctx, data);
      case OPT_STARTTLS -> startTls(ctx, data, more);
      case OPT_INFO, OPT_GO -> infoOrGo(ctx, data);
      case OPT_STRUCTURED_REPLY -> {
        if (data.isReadable()) {
          invalid(ctx, "no data expected");
        } else if (agreement.extended()) {
          reply(
              ctx,
              OptionReplies.text(
                  option(), REP_ERR_EXT_HEADER_REQD, "extended headers imply structured replies"));
        } else {
          agreement.agreeOnStructured();
          ack(ctx);
        }
      }
      case OPT_EXTENDED_HEADERS -> {
        if (data.isReadable()) {
          invalid(ctx, "no data expected");
        } else {
          agreement.agreeOnExtended();
          ack(ctx);
        }
      }
      case OPT_LIST_META_CONTEXT, OPT_SET_META_CONTEXT -> metaContext(ctx, data);
      default -> reply(ctx, OptionReplies.text(option(), REP_ERR_UNSUP, "unknown option"));
    }
  }

  private boolean wantsTls() {
    return tls == TlsMode.REQUIRE && !secure && option() != OPT_STARTTLS && option() != OPT_ABORT;
  }

  private static void reply(ChannelHandlerContext ctx, ByteBuf message) {
    ctx.writeAndFlush(message, ctx.voidPromise());
  }

  private void ack(ChannelHandlerContext ctx) {
    reply(ctx, OptionReplies.empty(option(), REP_ACK));
  }

  private void invalid(ChannelHandlerContext ctx, String why) {
    reply(ctx, OptionReplies.text(option(), REP_ERR_INVALID, why));
  }

  private void startTls(ChannelHandlerContext ctx, ByteBuf data, boolean more) {
    SslContext context = core.options().tls();
    if (data.isReadable()) {
      invalid(ctx, "no data expected");
    } else if (secure) {
      invalid(ctx, "TLS is on already");
    } else if (tls == TlsMode.OFF || context == null) {
      reply(ctx, OptionReplies.text(option(), REP_ERR_POLICY, "TLS is not offered here"));
    } else if (more) {
      // What came in clear must not be taken for what came after the handshake.
      throw new CorruptedFrameException("data in clear behind STARTTLS");
    } else {
      ack(ctx);
      SslHandler ssl = context.newHandler(ctx.alloc());
      ssl.setHandshakeTimeoutMillis(core.limits().negotiationMillis());
      ctx.pipeline().addFirst(ssl);
      secure = true;
      agreement.drop();
      state = State.WAITING;
      ssl.handshakeFuture()
          .addListener(
              f -> {
                if (f.isSuccess()) {
                  peer = peer.authenticated(CertificateName.of(ssl.engine().getSession()));
                  proceed(ctx, State.READING);
                }
              });
    }
  }

  // Options that ask the directory.

  private void list(ChannelHandlerContext ctx, ByteBuf data) {
    if (data.isReadable()) {
      invalid(ctx, "no data expected");
      return;
    }
    ask(
        ctx,
        core.options().directory().list(peer),
        entries -> {
          for (ExportDirectory.Entry e : entries) {
            ctx.write(OptionReplies.export(option(), e.name(), e.description()), ctx.voidPromise());
          }
          ack(ctx);
        });
  }

  private void metaContext(ChannelHandlerContext ctx, ByteBuf data) {
    MetaContextQuery query = MetaContextQuery.parse(data);
    boolean set = option() == OPT_SET_META_CONTEXT;
    if (set) {
      agreement.dropContexts();
    }
    if (!agreement.structured()) {
      invalid(ctx, "STRUCTURED_REPLY first");
    } else if (query == null) {
      invalid(ctx, "malformed query");
    } else {
      ask(
          ctx,
          open(query.export()),
          session -> {
            List<String> all = session.export().info().contexts();
            session.close();
            List<String> names = set ? query.chosen(all) : query.listed(all);
            List<Context> answered = new ArrayList<>();
            for (String name : names) {
              Context c = new Context(all.indexOf(name) + 1, name);
              answered.add(c);
              ByteBuf message = OptionReplies.context(option(), set ? c.id() : 0, name);
              ctx.write(message, ctx.voidPromise());
            }
            if (set) {
              agreement.agreeOnContexts(query.export(), answered);
            }
            ack(ctx);
          });
    }
  }

  private void infoOrGo(ChannelHandlerContext ctx, ByteBuf data) {
    InfoQuery query;
    try {
      query = InfoQuery.parse(data);
    } catch (IllegalArgumentException e) {
      invalid(ctx, String.valueOf(e.getMessage()));
      return;
    }
    boolean go = option() == OPT_GO;
    ask(
        ctx,
        open(query.export()),
        session -> {
          SessionMode mode = agreement.mode(query.export());
          ExportInfo info = session.export().info();
          ctx.write(OptionReplies.exportInfo(option(), info, mode), ctx.voidPromise());
          if (query.name()) {
            ctx.write(OptionReplies.name(option(), session.name()), ctx.voidPromise());
          }
          if (query.description()) {
            ctx.write(OptionReplies.description(option(), info.description()), ctx.voidPromise());
          }
          ctx.write(OptionReplies.blockSize(option(), info), ctx.voidPromise());
          ack(ctx);
          if (go) {
            transmit(ctx, session, info, mode);
          } else {
            session.close();
          }
        });
  }

  private void exportName(ChannelHandlerContext ctx, ByteBuf data) {
    if (data.readableBytes() > MAX_STRING) {
      throw new CorruptedFrameException("export name of " + data.readableBytes() + " bytes");
    }
    String name = data.toString(StandardCharsets.UTF_8);
    state = State.WAITING;
    ctx.channel().config().setAutoRead(false);
    open(name)
        .whenComplete(
            (session, failure) ->
                ctx.executor()
                    .execute(
                        () -> {
                          if (session == null) {
                            // The only way to say no to this option.
                            exceptionCaught(ctx, failure);
                            return;
                          }
                          if (state != State.WAITING) {
                            session.close();
                            return;
                          }
                          try {
                            SessionMode mode = agreement.mode(name);
                            ExportInfo info = session.export().info();
                            int padding = reader.noZeroes() ? 0 : EXPORT_NAME_PADDING;
                            reply(ctx, OptionReplies.exportName(info, mode, padding));
                            transmit(ctx, session, info, mode);
                          } catch (RuntimeException e) {
                            abandon(ctx, session, e);
                          }
                        }));
  }

  private CompletableFuture<Session> open(String name) {
    boolean byDefault = name.isEmpty() && defaultExport != null;
    return core.options().directory().open(byDefault ? defaultExport : name, peer);
  }

  /** Waits for the directory without reading on, then answers; a failure is answered here. */
  private <T> void ask(ChannelHandlerContext ctx, CompletableFuture<T> answer, Consumer<T> then) {
    state = State.WAITING;
    ctx.channel().config().setAutoRead(false);
    answer.whenComplete(
        (value, failure) -> ctx.executor().execute(() -> answered(ctx, value, failure, then)));
  }

  private <T> void answered(
      ChannelHandlerContext ctx, @Nullable T value, @Nullable Throwable failure, Consumer<T> then) {
    if (state != State.WAITING) {
      if (value instanceof Session s) {
        s.close();
      }
      return;
    }
    if (value == null) {
      refuse(ctx, failure);
    } else {
      try {
        then.accept(value);
      } catch (RuntimeException e) {
        abandon(ctx, value, e);
        return;
      }
    }
    proceed(ctx, state == State.WAITING ? State.READING : state);
  }

  /** An export that cannot even describe itself is no use to anybody. */
  private void abandon(ChannelHandlerContext ctx, Object value, RuntimeException failure) {
    log.error("connection {}: option {} failed", peer.id(), option(), failure);
    if (state == State.WAITING && value instanceof Session s) {
      s.close();
    }
    ctx.close();
  }

  private void refuse(ChannelHandlerContext ctx, @Nullable Throwable failure) {
    Throwable cause = failure != null && failure.getCause() != null ? failure.getCause() : failure;
    if (failure instanceof RefusedException r) {
      cause = r;
    }
    if (cause instanceof RefusedException r) {
      int type =
          switch (r.reason()) {
            case UNKNOWN -> REP_ERR_UNKNOWN;
            case POLICY -> REP_ERR_POLICY;
            case SHUTDOWN -> REP_ERR_SHUTDOWN;
          };
      reply(ctx, OptionReplies.text(option(), type, String.valueOf(r.getMessage())));
    } else {
      log.error("connection {}: option {} failed", peer.id(), option(), cause);
      reply(ctx, OptionReplies.text(option(), REP_ERR_PLATFORM, "internal error"));
    }
  }

  /** Goes on with what was read while we waited. */
  private void proceed(ChannelHandlerContext ctx, State next) {
    if (state == State.DONE) {
      return;
    }
    state = next;
    ctx.channel().config().setAutoRead(true);
    try {
      channelRead(ctx, Unpooled.EMPTY_BUFFER);
    } catch (Exception e) {
      exceptionCaught(ctx, e);
    }
  }

  /** Unix sockets have no address at the client's end. */
  private String from() {
    String address = String.valueOf(peer.address());
    return address.isEmpty() || peer.address() == null ? "unix socket " + peer.local() : address;
  }

  private void transmit(
      ChannelHandlerContext ctx, Session session, ExportInfo info, SessionMode mode) {
    state = State.DONE;
    LogContext.in(
        session.name(),
        peer,
        () ->
            log.info("attached from {}{}", from(), secure ? " as " + peer.certificateName() : ""));
    // Before what was read already goes on to the next handler, which may want no more for now.
    ctx.channel().config().setAutoRead(true);
    TransmissionHandler transmission = new TransmissionHandler(core, session, info, peer, mode);
    ctx.pipeline().addLast(transmission);
    ctx.pipeline().remove(this);
  }
}
