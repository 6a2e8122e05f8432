package dev.wherry.path;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ByteSizeTest {
  @ParameterizedTest
  @CsvSource({
    "0,0",
    "512,512",
    "4K,4096",
    "4k,4096",
    "3M,3145728",
    "1G,1073741824",
    "2T,2199023255552"
  })
  void sizesAreBytesOrPowersOf1024(String text, long bytes) {
    assertEquals(bytes, ByteSize.parse(text));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "K", "-1", "1.5G", "1KB", "+1", " 1", "9223372036854775808", "8388608T", "١"})
  void anythingElseIsRefused(String text) {
    assertThrows(IllegalArgumentException.class, () -> ByteSize.parse(text));
  }

  @Test
  void theShortestTextIsChosen() {
    assertEquals("0", ByteSize.format(0));
    assertEquals("1025", ByteSize.format(1025));
    assertEquals("1K", ByteSize.format(1024));
    assertEquals("2048T", ByteSize.format(1L << 51));
  }
}
