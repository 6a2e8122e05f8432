package dev.wherry.nbd.server;

import dev.wherry.nbd.Wire;
import io.netty.buffer.ByteBuf;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The data of LIST_META_CONTEXT and SET_META_CONTEXT.
 *
 * @param export the export's name
 * @param queries names of contexts, or of a namespace with its colon
 */
record MetaContextQuery(String export, List<String> queries) {
  private static final int MAX_QUERIES = 256;

  /** Null if it is malformed. */
  static @Nullable MetaContextQuery parse(ByteBuf data) {
    String export = string(data);
    if (export == null || data.readableBytes() < 4) {
      return null;
    }
    long count = data.readUnsignedInt();
    if (count > MAX_QUERIES) {
      return null;
    }
    List<String> queries = new ArrayList<>();
    for (long i = 0; i < count; i++) {
      String q = string(data);
      if (q == null) {
        return null;
      }
      queries.add(q);
    }
    return data.isReadable() ? null : new MetaContextQuery(export, queries);
  }

  /** The contexts among {@code available} that a LIST asks for: all if it asks for nothing. */
  List<String> listed(List<String> available) {
    return available.stream()
        .filter(
            c ->
                queries.isEmpty()
                    || queries.contains(c)
                    || queries.stream().anyMatch(q -> q.endsWith(":") && c.startsWith(q)))
        .toList();
  }

  /** The contexts among {@code available} that a SET names. */
  List<String> chosen(List<String> available) {
    return available.stream().filter(queries::contains).toList();
  }

  /** A length:32 and so many bytes of UTF-8, or null if they are not there. */
  static @Nullable String string(ByteBuf data) {
    if (data.readableBytes() < 4) {
      return null;
    }
    long n = data.readUnsignedInt();
    if (n > Wire.MAX_STRING || n > data.readableBytes()) {
      return null;
    }
    return data.readCharSequence((int) n, StandardCharsets.UTF_8).toString();
  }
}
