package dev.wherry.nbd.server;

import static dev.wherry.nbd.Wire.CMD_FLAG_PAYLOAD_LEN;
import static dev.wherry.nbd.Wire.CMD_WRITE;
import static dev.wherry.nbd.Wire.EXTENDED_REQUEST_LENGTH;
import static dev.wherry.nbd.Wire.EXTENDED_REQUEST_MAGIC;
import static dev.wherry.nbd.Wire.REQUEST_LENGTH;
import static dev.wherry.nbd.Wire.REQUEST_MAGIC;

import dev.wherry.nbd.NbdError;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.handler.codec.CorruptedFrameException;

/**
 * Cuts the byte stream of the transmission phase into requests ("Request message", "Extended
 * request message"). It works on the buffers as the socket gave them: a request that lies whole in
 * one is handed on in place, and only what straddles two is gathered.
 *
 * <pre>
 *  HEADER --28 or 32 bytes--> ADMIT --sink has room--> (no payload)      -> HEADER
 *                                                      PAYLOAD --all in--> HEADER
 *                                                      SKIP --drained----> HEADER
 * </pre>
 *
 * Confined to the connection's event loop.
 */
final class RequestDecoder {
  /** What a decoder feeds. */
  interface Sink {
    /** Whether the request may start now; if not, {@link #resume} tries again. */
    boolean admit(Request request);

    /** Whether so many more bytes of a begun payload may be kept; if not, as for admit. */
    boolean keep(int bytes);

    /**
     * A whole request.
     *
     * @param payload the readable bytes are the payload, or empty. Lent: whoever needs it later
     *     retains or copies it. Its indices must be as before on return
     * @param kept the bytes that {@link #keep} granted for it, now the sink's to give back
     */
    void request(Request request, ByteBuf payload, int kept);
  }

  private enum State {
    HEADER,
    ADMIT,
    PAYLOAD,
    SKIP,
    STOPPED
  }

  private final Sink sink;
  private final boolean extended;
  private final int headerLength;
  private final Request request = new Request();
  private final ByteBuf straddle;
  private final PayloadGatherer gatherer = new PayloadGatherer();
  private State state = State.HEADER;
  private boolean blocked;
  private long toSkip;

  RequestDecoder(Sink sink, boolean extended) {
    this.sink = sink;
    this.extended = extended;
    this.headerLength = extended ? EXTENDED_REQUEST_LENGTH : REQUEST_LENGTH;
    this.straddle = Unpooled.buffer(headerLength, headerLength);
  }

  /** Whether it waits for {@link #resume}. */
  boolean blocked() {
    return blocked;
  }

  /** Whether part of a payload has come and the rest has not. */
  boolean inPayload() {
    return state == State.PAYLOAD;
  }

  /** Lets a blocked decoder try again with what is left of its input. */
  void resume() {
    blocked = false;
  }

  /** Takes no further request. */
  void stop() {
    state = State.STOPPED;
  }

  /** Drops what is gathered. Returns the bytes that had been kept for it. */
  int close() {
    return gatherer.drop();
  }

  /**
   * Takes requests from {@code in} until it is empty or the sink has no room.
   *
   * @throws CorruptedFrameException if the stream cannot be understood any further
   */
  void decode(ByteBuf in) {
    while (!blocked) {
      if (state == State.ADMIT) {
        admit(in);
      } else if (state == State.STOPPED || !in.isReadable()) {
        return;
      } else if (state == State.HEADER) {
        header(in);
      } else if (state == State.PAYLOAD) {
        payload(in);
      } else {
        skip(in);
      }
    }
  }

  private void header(ByteBuf in) {
    if (straddle.isReadable() || in.readableBytes() < headerLength) {
      straddle.writeBytes(in, Math.min(in.readableBytes(), straddle.writableBytes()));
      if (straddle.isWritable()) {
        return;
      }
      parse(straddle);
      straddle.clear();
    } else {
      parse(in);
    }
    state = State.ADMIT;
  }

  private void parse(ByteBuf h) {
    int magic = h.readInt();
    if (magic != (extended ? EXTENDED_REQUEST_MAGIC : REQUEST_MAGIC)) {
      throw new CorruptedFrameException("bad request magic 0x" + Integer.toHexString(magic));
    }
    Request r = request;
    r.error = null;
    r.flags = h.readUnsignedShort();
    r.type = h.readUnsignedShort();
    r.cookie = h.readLong();
    r.offset = h.readLong();
    r.length = extended ? h.readLong() : h.readUnsignedInt();
    boolean flagged = extended && (r.flags & CMD_FLAG_PAYLOAD_LEN) != 0;
    r.payload = r.type == CMD_WRITE || flagged ? r.length : 0;
    if (r.payload < 0 || r.payload > 0xffff_ffffL) {
      throw new CorruptedFrameException(
          "payload of " + Long.toUnsignedString(r.payload) + " bytes cannot be drained");
    }
    if (r.payload > RequestValidator.MAX_PAYLOAD) {
      r.reject(
          NbdError.EINVAL,
          "payload of " + r.payload + " bytes: the limit is " + RequestValidator.MAX_PAYLOAD);
    }
  }

  private void admit(ByteBuf in) {
    if (!sink.admit(request)) {
      blocked = true;
      return;
    }
    int length = (int) request.payload;
    if (request.error != null) {
      toSkip = request.payload;
      state = State.SKIP;
      if (toSkip == 0) {
        deliver(Unpooled.EMPTY_BUFFER, 0);
      }
    } else if (length == 0) {
      deliver(Unpooled.EMPTY_BUFFER, 0);
    } else if (in.readableBytes() >= length) {
      if (!sink.keep(length)) {
        blocked = true;
        return;
      }
      int end = in.readerIndex() + length;
      int writer = in.writerIndex();
      in.writerIndex(end);
      try {
        deliver(in, length);
      } finally {
        in.writerIndex(writer).readerIndex(end);
      }
    } else {
      gatherer.begin(length);
      state = State.PAYLOAD;
    }
  }

  private void payload(ByteBuf in) {
    int n = Math.min(in.readableBytes(), gatherer.missing());
    int price = gatherer.price(n);
    if (price > 0 && !sink.keep(price)) {
      blocked = true;
      return;
    }
    gatherer.add(in, n, price);
    if (gatherer.missing() == 0) {
      int kept = gatherer.paid();
      ByteBuf whole = gatherer.take();
      try {
        deliver(whole, kept);
      } finally {
        whole.release();
      }
    }
  }

  private void skip(ByteBuf in) {
    int n = (int) Math.min(in.readableBytes(), toSkip);
    in.skipBytes(n);
    toSkip -= n;
    if (toSkip == 0) {
      deliver(Unpooled.EMPTY_BUFFER, 0);
    }
  }

  private void deliver(ByteBuf payload, int kept) {
    state = State.HEADER;
    sink.request(request, payload, kept);
  }
}
