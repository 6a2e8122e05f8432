package dev.wherry.nbd.client;

import dev.wherry.nbd.Wire;
import dev.wherry.nbd.client.NbdConnectException.Reason;
import io.netty.buffer.ByteBuf;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * What a server says of an export while it is negotiated, checked as it comes. Whatever breaks the
 * protocol's rules fails with {@link NbdConnectException}. One thread.
 */
final class Offer {
  private static final int DEFAULT_PREFERRED = 4096;

  private final String server;
  private final List<String> wanted;
  private final Map<Integer, String> contexts = new HashMap<>();
  private long size = -1;
  private int flags;
  private int minBlock = 1;
  private int preferredBlock = DEFAULT_PREFERRED;
  private int maxPayload = Wire.MAX_PAYLOAD;
  private String description = "";

  /**
   * @param server what it is called in messages
   * @param wanted the metadata contexts that are asked for
   */
  Offer(String server, List<String> wanted) {
    this.server = server;
    this.wanted = wanted;
  }

  /** One of the metadata contexts that it has, with the id that replies will carry. */
  void context(ByteBuf data) {
    if (data.readableBytes() < 5) {
      throw protocol("a malformed metadata context");
    }
    int id = data.readInt();
    String name = data.toString(StandardCharsets.UTF_8);
    if (!wanted.contains(name) || contexts.containsValue(name) || contexts.put(id, name) != null) {
      throw protocol("a metadata context that was not asked for, or twice: " + name);
    }
  }

  /** It has none, or they do not count. */
  void dropContexts() {
    contexts.clear();
  }

  /** One piece of information, of whatever kind. */
  void info(ByteBuf data) {
    int kind = data.readableBytes() < 2 ? -1 : data.readUnsignedShort();
    int rest = data.readableBytes();
    switch (kind) {
      case -1 -> throw protocol("a malformed information");
      case Wire.INFO_EXPORT -> {
        if (rest != 10) {
          throw protocol("a malformed information on the export");
        }
        export(data);
      }
      case Wire.INFO_BLOCK_SIZE -> {
        if (rest != 12) {
          throw protocol("a malformed information on block sizes");
        }
        blocks(data.readUnsignedInt(), data.readUnsignedInt(), data.readUnsignedInt());
      }
      case Wire.INFO_DESCRIPTION -> description = data.toString(StandardCharsets.UTF_8);
      default -> data.skipBytes(rest);
    }
  }

  /** Size and transmission flags, 10 bytes. */
  void export(ByteBuf data) {
    size = data.readLong();
    flags = data.readUnsignedShort();
    if (size < 0) {
      throw protocol("an export of " + Long.toUnsignedString(size) + " bytes is too large");
    }
    if ((flags & Wire.FLAG_HAS_FLAGS) == 0) {
      flags = 0;
    }
  }

  private void blocks(long min, long preferred, long max) {
    if (Long.bitCount(min) != 1 || min > 65536) {
      throw protocol("minimum block " + min + ": must be a power of two up to 65536");
    }
    if (Long.bitCount(preferred) != 1 || preferred < min) {
      throw protocol("preferred block " + preferred + ": must be a power of two, at least " + min);
    }
    if (max != 0xffffffffL && (max < min || max % min != 0)) {
      throw protocol("maximum block " + max + ": must be a multiple of the minimum " + min);
    }
    minBlock = (int) min;
    preferredBlock = (int) Math.min(preferred, 1 << 30);
    maxPayload = (int) Math.min(max, Wire.MAX_PAYLOAD);
  }

  /** Whether it has told the size of the export, without which there are no terms. */
  boolean hasSize() {
    return size >= 0;
  }

  /** What can be used of it: the tail of the export cannot be reached in whole blocks. */
  Terms terms(boolean structured, boolean extended) {
    return new Terms(
        size - size % minBlock,
        flags,
        minBlock,
        preferredBlock,
        maxPayload,
        description,
        structured,
        extended,
        contexts);
  }

  private NbdConnectException protocol(String what) {
    return new NbdConnectException(Reason.PROTOCOL, server + ": " + what);
  }
}
