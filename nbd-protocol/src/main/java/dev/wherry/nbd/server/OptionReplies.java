package dev.wherry.nbd.server;

import static dev.wherry.nbd.Wire.FLAG_BLOCK_STATUS_PAYLOAD;
import static dev.wherry.nbd.Wire.FLAG_CAN_MULTI_CONN;
import static dev.wherry.nbd.Wire.FLAG_HAS_FLAGS;
import static dev.wherry.nbd.Wire.FLAG_READ_ONLY;
import static dev.wherry.nbd.Wire.FLAG_ROTATIONAL;
import static dev.wherry.nbd.Wire.FLAG_SEND_CACHE;
import static dev.wherry.nbd.Wire.FLAG_SEND_DF;
import static dev.wherry.nbd.Wire.FLAG_SEND_FAST_ZERO;
import static dev.wherry.nbd.Wire.FLAG_SEND_FLUSH;
import static dev.wherry.nbd.Wire.FLAG_SEND_FUA;
import static dev.wherry.nbd.Wire.FLAG_SEND_TRIM;
import static dev.wherry.nbd.Wire.FLAG_SEND_WRITE_ZEROES;
import static dev.wherry.nbd.Wire.INFO_BLOCK_SIZE;
import static dev.wherry.nbd.Wire.INFO_DESCRIPTION;
import static dev.wherry.nbd.Wire.INFO_EXPORT;
import static dev.wherry.nbd.Wire.INFO_NAME;
import static dev.wherry.nbd.Wire.MAX_PAYLOAD;
import static dev.wherry.nbd.Wire.OPTION_REPLY_MAGIC;
import static dev.wherry.nbd.Wire.REP_INFO;
import static dev.wherry.nbd.Wire.REP_META_CONTEXT;
import static dev.wherry.nbd.Wire.REP_SERVER;

import dev.wherry.nbd.ExportInfo;
import dev.wherry.nbd.ExportInfo.Ability;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.nio.charset.StandardCharsets;

/**
 * Encodes replies to options ("Option reply types"):
 *
 * <pre>  magic:64 option:32 type:32 length:32 data</pre>
 */
final class OptionReplies {
  private OptionReplies() {}

  static ByteBuf empty(int option, int type) {
    return header(option, type, 0);
  }

  static ByteBuf text(int option, int type, String text) {
    byte[] b = text.getBytes(StandardCharsets.UTF_8);
    return header(option, type, b.length).writeBytes(b);
  }

  /** One export in a LIST. */
  static ByteBuf export(int option, String name, String description) {
    byte[] n = name.getBytes(StandardCharsets.UTF_8);
    byte[] d = description.getBytes(StandardCharsets.UTF_8);
    return header(option, REP_SERVER, 4 + n.length + d.length)
        .writeInt(n.length)
        .writeBytes(n)
        .writeBytes(d);
  }

  static ByteBuf context(int option, int id, String name) {
    return header(option, REP_META_CONTEXT, 4 + ByteBufUtil.utf8Bytes(name))
        .writeInt(id)
        .writeBytes(name.getBytes(StandardCharsets.UTF_8));
  }

  static ByteBuf exportInfo(int option, ExportInfo info, SessionMode mode) {
    return header(option, REP_INFO, 12)
        .writeShort(INFO_EXPORT)
        .writeLong(info.size())
        .writeShort(flags(info, mode));
  }

  static ByteBuf blockSize(int option, ExportInfo info) {
    return header(option, REP_INFO, 14)
        .writeShort(INFO_BLOCK_SIZE)
        .writeInt(info.minBlock())
        .writeInt(info.preferredBlock())
        .writeInt(MAX_PAYLOAD);
  }

  static ByteBuf name(int option, String name) {
    return string(option, INFO_NAME, name);
  }

  static ByteBuf description(int option, String description) {
    return string(option, INFO_DESCRIPTION, description);
  }

  /** The answer to EXPORT_NAME, which has no header. */
  static ByteBuf exportName(ExportInfo info, SessionMode mode, int padding) {
    return Unpooled.buffer(10 + padding)
        .writeLong(info.size())
        .writeShort(flags(info, mode))
        .writeZero(padding);
  }

  private static ByteBuf string(int option, int type, String text) {
    byte[] b = text.getBytes(StandardCharsets.UTF_8);
    return header(option, REP_INFO, 2 + b.length).writeShort(type).writeBytes(b);
  }

  /** "Transmission flags". */
  static int flags(ExportInfo info, SessionMode mode) {
    return FLAG_HAS_FLAGS
        | (info.readOnly() ? FLAG_READ_ONLY : 0)
        | (info.can(Ability.FLUSH) ? FLAG_SEND_FLUSH : 0)
        | (info.can(Ability.FUA) ? FLAG_SEND_FUA : 0)
        | (info.rotational() ? FLAG_ROTATIONAL : 0)
        | (info.can(Ability.TRIM) && !info.readOnly() ? FLAG_SEND_TRIM : 0)
        | (info.can(Ability.ZERO) && !info.readOnly() ? FLAG_SEND_WRITE_ZEROES : 0)
        | (info.can(Ability.FAST_ZERO) && !info.readOnly() ? FLAG_SEND_FAST_ZERO : 0)
        | (info.can(Ability.CACHE) ? FLAG_SEND_CACHE : 0)
        | (info.can(Ability.MULTI_CONN) ? FLAG_CAN_MULTI_CONN : 0)
        | (mode.structured() ? FLAG_SEND_DF : 0)
        | (mode.extended() && !mode.contexts().isEmpty() ? FLAG_BLOCK_STATUS_PAYLOAD : 0);
  }

  private static ByteBuf header(int option, int type, int length) {
    return Unpooled.buffer(20 + length)
        .writeLong(OPTION_REPLY_MAGIC)
        .writeInt(option)
        .writeInt(type)
        .writeInt(length);
  }
}
