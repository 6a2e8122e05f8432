package dev.wherry.daemon.catalog;

import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/** CRC-32C over fields: tells a record that rotted from one that was written. */
final class Checksum {
  private final StringBuilder text = new StringBuilder(256);

  /** Length first, so that no two records have one text; null is none of them. */
  Checksum add(@Nullable Object field) {
    if (field == null) {
      text.append('-');
      return this;
    }
    String value = field.toString();
    text.append(value.length()).append(':').append(value);
    return this;
  }

  long value() {
    CRC32C crc = new CRC32C();
    crc.update(text.toString().getBytes(StandardCharsets.UTF_8));
    return crc.getValue();
  }
}
