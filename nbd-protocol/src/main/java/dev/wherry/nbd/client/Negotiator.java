package dev.wherry.nbd.client;

import dev.wherry.nbd.NbdUri;
import dev.wherry.nbd.Wire;
import dev.wherry.nbd.client.NbdConnectException.Reason;
import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.ByteToMessageDecoder;
import io.netty.handler.codec.DecoderException;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.ssl.SslHandshakeCompletionEvent;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The client's side of fixed newstyle negotiation. Asks for one thing after the other, going on to
 * the next best where the server does not know an option, and in the end leaves the pipeline.
 *
 * <pre>
 * GREETING ─▶ (STARTTLS ─▶ TLS) ─▶ EXTENDED_HEADERS ─▶ STRUCTURED_REPLY ─▶ SET_META_CONTEXT ─▶ GO ─▶ done
 *                                        └──── agreed ──────────────▶┘                          └─▶ EXPORT_NAME ─▶ done
 * </pre>
 */
final class Negotiator extends ByteToMessageDecoder {
  private enum State {
    GREETING,
    STARTTLS,
    TLS,
    EXTENDED_HEADERS,
    STRUCTURED_REPLY,
    SET_META_CONTEXT,
    GO,
    EXPORT_NAME,
    DONE
  }

  /** Longest reply to an option, in bytes; ours are far shorter. */
  private static final int MAX_REPLY = 64 << 10;

  /** Most replies to all of our options. */
  private static final int MAX_REPLIES = 1000;

  private final NbdUri uri;
  private final NbdClientOptions options;
  private final Supplier<SslHandler> tls;
  private final CompletableFuture<Terms> result;

  private State state = State.GREETING;
  private boolean fixed;
  private boolean noZeroes;
  private boolean extended;
  private boolean structured;
  private int replies;
  private final Offer offer;

  /**
   * @param tls makes the handler that speaks TLS; asked only if the URI demands TLS
   * @param result completes on the event loop, or fails with {@link NbdConnectException}; the
   *     channel is then to be closed
   */
  Negotiator(
      NbdUri uri,
      NbdClientOptions options,
      Supplier<SslHandler> tls,
      CompletableFuture<Terms> result) {
    this.uri = uri;
    this.options = options;
    this.tls = tls;
    this.result = result;
    this.offer = new Offer("NBD server " + uri.place(), options.contexts());
  }

  @Override
  protected void decode(ChannelHandlerContext ctx, ByteBuf in, List<Object> out) {
    if (result.isDone()) {
      in.skipBytes(in.readableBytes());
      return;
    }
    switch (state) {
      case GREETING -> greeting(ctx, in);
      case EXPORT_NAME -> exportName(ctx, in);
      case TLS, DONE -> throw protocol("it speaks out of turn");
      default -> reply(ctx, in);
    }
  }

  private void greeting(ChannelHandlerContext ctx, ByteBuf in) {
    if (in.readableBytes() >= 8 && in.getLong(in.readerIndex()) != Wire.INIT_MAGIC) {
      throw protocol("it is not an NBD server: its first bytes are wrong");
    }
    if (in.readableBytes() < Wire.GREETING_LENGTH) {
      return;
    }
    in.skipBytes(8);
    long style = in.readLong();
    if (style == Wire.OLDSTYLE_MAGIC) {
      throw protocol("it speaks the old style of negotiation, which is not supported");
    }
    if (style != Wire.OPTION_MAGIC) {
      throw protocol("it is not an NBD server: its second magic is wrong");
    }
    int offered = in.readUnsignedShort();
    fixed = (offered & Wire.FLAG_FIXED_NEWSTYLE) != 0;
    noZeroes = (offered & Wire.FLAG_NO_ZEROES) != 0;
    int answer = (fixed ? Wire.FLAG_C_FIXED_NEWSTYLE : 0) | (noZeroes ? Wire.FLAG_C_NO_ZEROES : 0);
    ctx.write(ctx.alloc().buffer(4).writeInt(answer));
    if (uri.tls()) {
      if (!fixed) {
        throw new NbdConnectException(Reason.REFUSED, at("it cannot do TLS"));
      }
      ask(ctx, State.STARTTLS, Wire.OPT_STARTTLS, null);
    } else if (fixed) {
      askReplies(ctx);
    } else {
      askExportName(ctx);
    }
  }

  // What we ask for, in this order.

  private void askReplies(ChannelHandlerContext ctx) {
    if (options.extendedHeaders()) {
      ask(ctx, State.EXTENDED_HEADERS, Wire.OPT_EXTENDED_HEADERS, null);
    } else {
      askStructured(ctx);
    }
  }

  private void askStructured(ChannelHandlerContext ctx) {
    if (options.structuredReplies()) {
      ask(ctx, State.STRUCTURED_REPLY, Wire.OPT_STRUCTURED_REPLY, null);
    } else {
      askGo(ctx);
    }
  }

  private void askContexts(ChannelHandlerContext ctx) {
    if (options.contexts().isEmpty()) {
      askGo(ctx);
      return;
    }
    ByteBuf data = ctx.alloc().buffer();
    writeString(data, uri.export());
    data.writeInt(options.contexts().size());
    options.contexts().forEach(name -> writeString(data, name));
    ask(ctx, State.SET_META_CONTEXT, Wire.OPT_SET_META_CONTEXT, data);
  }

  private void askGo(ChannelHandlerContext ctx) {
    ByteBuf data = ctx.alloc().buffer();
    writeString(data, uri.export());
    data.writeShort(2).writeShort(Wire.INFO_BLOCK_SIZE).writeShort(Wire.INFO_DESCRIPTION);
    ask(ctx, State.GO, Wire.OPT_GO, data);
  }

  private void askExportName(ChannelHandlerContext ctx) {
    byte[] name = uri.export().getBytes(StandardCharsets.UTF_8);
    ask(ctx, State.EXPORT_NAME, Wire.OPT_EXPORT_NAME, ctx.alloc().buffer().writeBytes(name));
  }

  private void ask(ChannelHandlerContext ctx, State next, int option, @Nullable ByteBuf data) {
    state = next;
    ByteBuf header = ctx.alloc().buffer(Wire.OPTION_HEADER_LENGTH);
    header.writeLong(Wire.OPTION_MAGIC).writeInt(option);
    header.writeInt(data == null ? 0 : data.readableBytes());
    ctx.write(header);
    if (data != null) {
      ctx.write(data);
    }
    ctx.flush();
  }

  private static void writeString(ByteBuf out, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    out.writeInt(bytes.length).writeBytes(bytes);
  }

  // What the server answers.

  private int option() {
    return switch (state) {
      case STARTTLS -> Wire.OPT_STARTTLS;
      case EXTENDED_HEADERS -> Wire.OPT_EXTENDED_HEADERS;
      case STRUCTURED_REPLY -> Wire.OPT_STRUCTURED_REPLY;
      case SET_META_CONTEXT -> Wire.OPT_SET_META_CONTEXT;
      case GO -> Wire.OPT_GO;
      default -> throw new IllegalStateException(state.name());
    };
  }

  private void reply(ChannelHandlerContext ctx, ByteBuf in) {
    if (in.readableBytes() < Wire.OPTION_REPLY_HEADER_LENGTH) {
      return;
    }
    int start = in.readerIndex();
    if (in.getLong(start) != Wire.OPTION_REPLY_MAGIC) {
      throw protocol("bad magic of a reply to option " + state);
    }
    if (in.getInt(start + 8) != option()) {
      throw protocol("a reply to option " + in.getInt(start + 8) + ", not to " + state);
    }
    int type = in.getInt(start + 12);
    long length = in.getUnsignedInt(start + 16);
    if (length > MAX_REPLY || ++replies > MAX_REPLIES) {
      throw protocol("too long a reply to option " + state);
    }
    if (in.readableBytes() < Wire.OPTION_REPLY_HEADER_LENGTH + length) {
      replies--;
      return;
    }
    in.skipBytes(Wire.OPTION_REPLY_HEADER_LENGTH);
    ByteBuf data = in.readSlice((int) length);
    if (type < 0) {
      refused(ctx, type, data.toString(StandardCharsets.UTF_8));
    } else if (type == Wire.REP_ACK) {
      acknowledged(ctx, in);
    } else if (type == Wire.REP_META_CONTEXT && state == State.SET_META_CONTEXT) {
      offer.context(data);
    } else if (type == Wire.REP_INFO && state == State.GO) {
      offer.info(data);
    } else {
      throw protocol("reply type " + type + " to option " + state);
    }
  }

  private void acknowledged(ChannelHandlerContext ctx, ByteBuf in) {
    switch (state) {
      case STARTTLS -> {
        if (in.isReadable()) {
          // Whatever was sent in clear after the agreement may be an attacker's.
          throw protocol("it sent " + in.readableBytes() + " bytes in clear where TLS begins");
        }
        state = State.TLS;
        ctx.pipeline().addFirst(tls.get());
      }
      case EXTENDED_HEADERS -> {
        extended = true;
        structured = true;
        askContexts(ctx);
      }
      case STRUCTURED_REPLY -> {
        structured = true;
        askContexts(ctx);
      }
      case SET_META_CONTEXT -> askGo(ctx);
      case GO -> {
        if (!offer.hasSize()) {
          throw protocol("it did not tell the size of the export");
        }
        finish(ctx);
      }
      default -> throw new IllegalStateException(state.name());
    }
  }

  private void refused(ChannelHandlerContext ctx, int type, String text) {
    boolean unsupported = type == Wire.REP_ERR_UNSUP;
    if (type == Wire.REP_ERR_SHUTDOWN) {
      throw new NbdConnectException(Reason.UNREACHABLE, at("it is shutting down"));
    }
    if (type == Wire.REP_ERR_TLS_REQD) {
      throw new NbdConnectException(
          Reason.REFUSED, at("it wants TLS: use nbds" + (uri.host() == null ? "+unix" : "")));
    }
    switch (state) {
      case STARTTLS ->
          throw new NbdConnectException(Reason.REFUSED, at("it refuses TLS" + quoted(type, text)));
      case EXTENDED_HEADERS -> askStructured(ctx);
      case STRUCTURED_REPLY -> askGo(ctx);
      case SET_META_CONTEXT -> {
        offer.dropContexts();
        askGo(ctx);
      }
      case GO -> {
        if (unsupported) {
          offer.dropContexts();
          askExportName(ctx);
        } else if (type == Wire.REP_ERR_UNKNOWN) {
          throw new NbdConnectException(
              Reason.UNKNOWN_EXPORT,
              at("it has no export '" + uri.export() + "'" + quoted(type, text)));
        } else {
          throw new NbdConnectException(
              Reason.REFUSED, at("it refuses export '" + uri.export() + "'" + quoted(type, text)));
        }
      }
      default -> throw new IllegalStateException(state.name());
    }
  }

  private static String quoted(int type, String text) {
    String code = " (error " + (type & ~Wire.REP_FLAG_ERROR) + ")";
    return text.isEmpty() ? code : code + ": " + text;
  }

  private void exportName(ChannelHandlerContext ctx, ByteBuf in) {
    int length = 10 + (noZeroes ? 0 : Wire.EXPORT_NAME_PADDING);
    if (in.readableBytes() < length) {
      return;
    }
    offer.export(in);
    in.skipBytes(length - 10);
    finish(ctx);
  }

  private void finish(ChannelHandlerContext ctx) {
    state = State.DONE;
    result.complete(offer.terms(structured, extended));
    // What has come behind goes to the next handler.
    ctx.pipeline().remove(this);
  }

  // Failures.

  @Override
  public void userEventTriggered(ChannelHandlerContext ctx, Object event) throws Exception {
    if (event instanceof SslHandshakeCompletionEvent handshake && state == State.TLS) {
      if (handshake.isSuccess()) {
        askReplies(ctx);
      } else {
        fail(
            new NbdConnectException(
                Reason.REFUSED,
                at("TLS failed: " + handshake.cause().getMessage()),
                handshake.cause()));
      }
    }
    super.userEventTriggered(ctx, event);
  }

  @Override
  public void channelInactive(ChannelHandlerContext ctx) throws Exception {
    super.channelInactive(ctx);
    if (state == State.EXPORT_NAME) {
      fail(
          new NbdConnectException(
              Reason.UNKNOWN_EXPORT,
              at("it closed the connection when asked for export '" + uri.export() + "'")));
    }
    fail(new NbdConnectException(Reason.UNREACHABLE, at("it closed the connection")));
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
    Throwable t =
        cause instanceof DecoderException && cause.getCause() != null ? cause.getCause() : cause;
    if (t instanceof NbdConnectException e) {
      fail(e);
    } else {
      Reason reason = uri.tls() ? Reason.REFUSED : Reason.UNREACHABLE;
      fail(new NbdConnectException(reason, at(String.valueOf(t.getMessage())), t));
    }
  }

  private void fail(NbdConnectException e) {
    result.completeExceptionally(e);
  }

  private NbdConnectException protocol(String what) {
    return new NbdConnectException(Reason.PROTOCOL, at(what));
  }

  private String at(String what) {
    return "NBD server " + uri.place() + ": " + what;
  }
}
