package dev.wherry.nbd.client;

import dev.wherry.nbd.Extent;
import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import dev.wherry.nbd.Wire;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * One request as it goes over the wire, and the reply to it as it comes together. It may be sent
 * several times, over one connection after another. Everything but {@link #done} belongs to the
 * client's event loop.
 */
final class Command {
  /** What is answered to whom; decides what a reply and a lost connection mean. */
  enum Role {
    /** Somebody waits for it. */
    CALLER,
    /** The client's own flush that makes room for more unflushed data. */
    EARLY_FLUSH,
    /** A write, zero or trim of the past, done again. */
    REPLAY,
    /** Proof that a connection still answers. */
    PROBE
  }

  final Role role;
  final int type;
  final int flags;
  final long offset;
  final long length;

  /** Data of a WRITE, owned by the command until {@link #takePayload}; the indices never move. */
  private @Nullable ByteBuf payload;

  /** Completes on the event loop with this command, when the caller is to be answered. */
  final CompletableFuture<Command> done = new CompletableFuture<>();

  // Set by the dispatcher.

  /** Position in the order of submission. */
  long sequence;

  /** On the reactor's clock, nanoseconds. */
  long deadline;

  /** FLUSH: how many entries of the ledger its success covers. */
  long covers;

  /** The caller has its answer. */
  boolean settled;

  /** Sent at least once, holds its range if it changes data. */
  boolean admitted;

  /** How often it had to wait for another one's range. */
  int turns;

  /** Commands that wait for the range of this one. */
  @Nullable ArrayDeque<Command> waiters;

  /** Neighbours in {@link AgeList}. */
  @Nullable Command older;

  @Nullable Command younger;

  // The reply, set by the decoder.

  private @Nullable ByteBuf data;
  private @Nullable Coverage coverage;
  private @Nullable NbdError error;
  private String message = "";
  private @Nullable Map<String, List<Extent>> extents;

  Command(Role role, int type, int flags, long offset, long length, @Nullable ByteBuf payload) {
    this.role = role;
    this.type = type;
    this.flags = flags;
    this.offset = offset;
    this.length = length;
    this.payload = payload;
  }

  static Command of(int type, int flags, long offset, long length) {
    return new Command(Role.CALLER, type, flags, offset, length, null);
  }

  /** A WRITE of all of {@code payload}, which becomes the command's. */
  static Command write(Role role, int flags, long offset, ByteBuf payload) {
    return new Command(role, Wire.CMD_WRITE, flags, offset, payload.readableBytes(), payload);
  }

  boolean changesData() {
    return type == Wire.CMD_WRITE || type == Wire.CMD_WRITE_ZEROES || type == Wire.CMD_TRIM;
  }

  boolean hasRange() {
    return type != Wire.CMD_FLUSH && type != Wire.CMD_DISC;
  }

  boolean durable() {
    return (flags & Wire.CMD_FLAG_FUA) != 0;
  }

  /** What it costs to keep this, in bytes. */
  long cost() {
    return (type == Wire.CMD_WRITE ? length : 0) + Ledger.ENTRY_COST;
  }

  @Nullable ByteBuf payload() {
    return payload;
  }

  /** Hands the payload over to the caller. */
  @Nullable ByteBuf takePayload() {
    ByteBuf taken = payload;
    payload = null;
    return taken;
  }

  void releasePayload() {
    ByteBuf taken = takePayload();
    if (taken != null) {
      taken.release();
    }
  }

  // The reply.

  /** Where the reply's data go, {@link #length} bytes to be set by index. */
  ByteBuf data(ByteBufAllocator allocator) {
    if (data == null) {
      data = allocator.directBuffer((int) length, (int) length).writerIndex((int) length);
    }
    return data;
  }

  /** Which bytes of the reply are there. */
  Coverage coverage() {
    if (coverage == null) {
      coverage = new Coverage((int) length);
    }
    return coverage;
  }

  /** Some of the data, or an error, has come. */
  boolean isStarted() {
    return coverage != null || error != null;
  }

  boolean isComplete() {
    return coverage != null && coverage.isComplete();
  }

  void failed(NbdError code, String text) {
    if (error == null) {
      error = code;
      message = text;
    }
  }

  @Nullable NbdError error() {
    return error;
  }

  /** False if there was an answer for this context already. */
  boolean addExtents(String context, List<Extent> list) {
    if (extents == null) {
      extents = new HashMap<>();
    }
    return extents.putIfAbsent(context, list) == null;
  }

  boolean hasExtents() {
    return extents != null;
  }

  /** The extents of a context, or none. */
  List<Extent> extents(String context) {
    return extents == null ? List.of() : extents.getOrDefault(context, new ArrayList<>());
  }

  /** Hands the data of a READ over to the caller. */
  ByteBuf takeData() {
    ByteBuf taken = data;
    if (taken == null) {
      throw new IllegalStateException("no data");
    }
    data = null;
    return taken;
  }

  /** Forgets what came of a reply: it will be asked again, or nobody wants it. */
  void dropReply() {
    if (data != null) {
      data.release();
      data = null;
    }
    coverage = null;
    error = null;
    message = "";
    extents = null;
  }

  NbdException failure(String place) {
    NbdError code = error == null ? NbdError.EIO : error;
    return new NbdException(
        code, place + ": " + this + ": " + code + (message.isEmpty() ? "" : ": " + message));
  }

  @Override
  public String toString() {
    String name =
        switch (type) {
          case Wire.CMD_READ -> "READ";
          case Wire.CMD_WRITE -> "WRITE";
          case Wire.CMD_FLUSH -> "FLUSH";
          case Wire.CMD_TRIM -> "TRIM";
          case Wire.CMD_CACHE -> "CACHE";
          case Wire.CMD_WRITE_ZEROES -> "WRITE_ZEROES";
          case Wire.CMD_BLOCK_STATUS -> "BLOCK_STATUS";
          default -> "command " + type;
        };
    return hasRange() ? name + " of " + length + " bytes at " + offset : name;
  }
}
