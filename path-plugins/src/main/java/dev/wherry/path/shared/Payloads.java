package dev.wherry.path.shared;

import dev.wherry.nbd.Extent;
import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import dev.wherry.path.link.LinkReply;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * The payloads of the engine's requests and answers. Big endian.
 *
 * <pre>
 *  extents   count (int) │ count × { length (long) │ flags (long) }
 *  text      bytes (int) │ UTF-8
 *  runs      as {@link Run#write}
 *  FETCH     runs that are absent │ the data
 *  losses    long: the answer to WRITE, ZERO, TRIM and FLUSH
 * </pre>
 */
final class Payloads {
  private static final int MOST_EXTENTS = 65_536;

  private Payloads() {}

  static ByteBuf buffer(int size) {
    return ByteBufAllocator.DEFAULT.buffer(size);
  }

  static ByteBuf extents(List<Extent> extents) {
    ByteBuf out = buffer(4 + 16 * extents.size()).writeInt(extents.size());
    extents.forEach(e -> out.writeLong(e.length()).writeLong(e.flags()));
    return out;
  }

  /** The extents that an answer brought; releases it. */
  static List<Extent> takeExtents(LinkReply reply) {
    try {
      return readExtents(reply.payload());
    } catch (IllegalArgumentException e) {
      throw new NbdException(NbdError.EIO, String.valueOf(e.getMessage()), e);
    } finally {
      reply.payload().release();
    }
  }

  /**
   * Reads what {@link #extents} wrote.
   *
   * @throws IllegalArgumentException if it is malformed
   */
  static List<Extent> readExtents(ByteBuf in) {
    int count = in.readableBytes() < 4 ? -1 : in.readInt();
    if (count < 1 || count > MOST_EXTENTS || in.readableBytes() < count * 16) {
      throw new IllegalArgumentException("a list of " + count + " extents is not all there");
    }
    List<Extent> extents = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      extents.add(new Extent(in.readLong(), in.readLong()));
    }
    return extents;
  }

  /** As {@link ShareState#losses}. */
  static ByteBuf losses(long count) {
    return buffer(8).writeLong(count);
  }

  /**
   * Reads what {@link #losses} wrote.
   *
   * @param otherwise where nothing is, as from a node that does not count
   * @throws IllegalArgumentException if it is malformed
   */
  static long readLosses(ByteBuf in, long otherwise) {
    if (!in.isReadable()) {
      return otherwise;
    }
    long count = in.readableBytes() < 8 ? -1 : in.readLong();
    if (count < 0) {
      throw new IllegalArgumentException("a count of losses that is " + count);
    }
    return count;
  }

  static void writeText(String text, ByteBuf to) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    to.writeInt(bytes.length).writeBytes(bytes);
  }

  /**
   * Reads what {@link #writeText} wrote.
   *
   * @throws IllegalArgumentException if it is malformed
   */
  static String readText(ByteBuf in) {
    int length = in.readableBytes() < 4 ? -1 : in.readInt();
    if (length < 0 || length > in.readableBytes()) {
      throw new IllegalArgumentException("a text of " + length + " bytes is not all there");
    }
    return in.readCharSequence(length, StandardCharsets.UTF_8).toString();
  }

  static void writeTexts(List<String> texts, ByteBuf to) {
    to.writeInt(texts.size());
    texts.forEach(t -> writeText(t, to));
  }

  static List<String> readTexts(ByteBuf in) {
    int count = in.readableBytes() < 4 ? -1 : in.readInt();
    if (count < 0 || count > 1000) {
      throw new IllegalArgumentException("a list of " + count + " texts");
    }
    List<String> texts = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      texts.add(readText(in));
    }
    return texts;
  }
}
