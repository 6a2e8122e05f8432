package dev.wherry.nbd.server;

import dev.wherry.nbd.Wire;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/** What a client sends, byte by byte: a builder that checks nothing. */
final class Script {
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private boolean extended;

  /** Whether requests have extended headers from the start. */
  Script assumeExtended(boolean yes) {
    extended = yes;
    return this;
  }

  boolean isExtended() {
    return extended;
  }

  byte[] bytes() {
    return out.toByteArray();
  }

  Script raw(byte[] bytes) {
    out.writeBytes(bytes);
    return this;
  }

  Script clientFlags(int flags) {
    return raw(ByteBuffer.allocate(4).putInt(flags).array());
  }

  Script flags() {
    return clientFlags(Wire.FLAG_C_FIXED_NEWSTYLE | Wire.FLAG_C_NO_ZEROES);
  }

  Script option(int option, byte... data) {
    return optionHeader(Wire.OPTION_MAGIC, option, data.length).raw(data);
  }

  Script optionHeader(long magic, int option, int length) {
    return raw(ByteBuffer.allocate(16).putLong(magic).putInt(option).putInt(length).array());
  }

  Script structured() {
    return option(Wire.OPT_STRUCTURED_REPLY);
  }

  /** Asks for extended headers; requests that follow have them. */
  Script extended() {
    extended = true;
    return option(Wire.OPT_EXTENDED_HEADERS);
  }

  Script go(String name, int... infos) {
    return option(Wire.OPT_GO, exportRequest(name, infos));
  }

  Script info(String name, int... infos) {
    return option(Wire.OPT_INFO, exportRequest(name, infos));
  }

  Script setContexts(String export, String... queries) {
    return option(Wire.OPT_SET_META_CONTEXT, contextQuery(export, queries));
  }

  Script listContexts(String export, String... queries) {
    return option(Wire.OPT_LIST_META_CONTEXT, contextQuery(export, queries));
  }

  static byte[] exportRequest(String name, int... infos) {
    byte[] n = utf8(name);
    ByteBuffer b = ByteBuffer.allocate(6 + n.length + 2 * infos.length);
    b.putInt(n.length).put(n).putShort((short) infos.length);
    for (int i : infos) {
      b.putShort((short) i);
    }
    return b.array();
  }

  static byte[] contextQuery(String export, String... queries) {
    ByteArrayOutputStream q = new ByteArrayOutputStream();
    q.writeBytes(string(export));
    q.writeBytes(ByteBuffer.allocate(4).putInt(queries.length).array());
    for (String s : queries) {
      q.writeBytes(string(s));
    }
    return q.toByteArray();
  }

  private static byte[] string(String s) {
    byte[] b = utf8(s);
    return ByteBuffer.allocate(4 + b.length).putInt(b.length).put(b).array();
  }

  static byte[] utf8(String s) {
    return s.getBytes(StandardCharsets.UTF_8);
  }

  Script request(int type, int flags, long cookie, long offset, long length) {
    ByteBuffer b = ByteBuffer.allocate(extended ? 32 : 28);
    b.putInt(extended ? Wire.EXTENDED_REQUEST_MAGIC : Wire.REQUEST_MAGIC);
    b.putShort((short) flags).putShort((short) type).putLong(cookie).putLong(offset);
    if (extended) {
      b.putLong(length);
    } else {
      b.putInt((int) length);
    }
    return raw(b.array());
  }

  Script read(long cookie, long offset, long length) {
    return request(Wire.CMD_READ, 0, cookie, offset, length);
  }

  Script write(long cookie, long offset, byte... data) {
    int flags = extended ? Wire.CMD_FLAG_PAYLOAD_LEN : 0;
    return request(Wire.CMD_WRITE, flags, cookie, offset, data.length).raw(data);
  }

  Script disc() {
    return request(Wire.CMD_DISC, 0, 0, 0, 0);
  }
}
