package dev.wherry.nbd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class NbdUriTest {
  @ParameterizedTest
  @ValueSource(
      strings = {
        "nbd://localhost/",
        "nbd://example.com:10810/disk",
        "nbd://[::1]/",
        "nbd://[fe80::1]:99/a/b",
        "nbds://example.com/x?tls-certificates=/etc/pki/nbd",
        "nbds://10.0.0.1:5/x?tls-hostname=n&tls-verify-peer=false",
        "nbd+unix:///?socket=/tmp/s",
        "nbd+unix:///a%20b%25?socket=/tmp/with%20blank",
        "nbds+unix:///%C3%A4?socket=/s&tls-certificates=/d",
      })
  void aCanonicalUriIsWrittenAsItWasRead(String text) {
    assertEquals(text, NbdUri.parse(text).toString());
    assertEquals(NbdUri.parse(text), NbdUri.parse(NbdUri.parse(text).toString()));
  }

  @Test
  void partsAreDecoded() {
    NbdUri uri = NbdUri.parse("NBDS://[::1]:7/a%2Fb+c%20d?tls-certificates=%2Fd");
    assertTrue(uri.tls());
    assertEquals("::1", uri.host());
    assertEquals(7, uri.port());
    assertEquals("a/b+c d", uri.export());
    assertEquals(Path.of("/d"), uri.tlsCertificates());
    assertEquals("[::1]:7", uri.place());
    assertEquals(10809, NbdUri.parse("nbd://host").port());
    assertEquals("", NbdUri.parse("nbd://host").export());
    assertEquals("/lead", NbdUri.parse("nbd://host//lead").export());
    assertEquals(Path.of("/tmp/s"), NbdUri.parse("nbd+unix://?socket=/tmp/s").socket());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "http://x/ | the scheme must be",
        "/dev/sda | the scheme must be",
        "nbd:///disk | the host is missing",
        "nbd://h:0/ | port 0: must be 1 to 65535",
        "nbd://h:65536/ | port 65536: must be 1 to 65535",
        "nbd://h:x/ | port x: must be 1 to 65535",
        "nbd://::1/ | in brackets",
        "nbd://[::1/ | no ]",
        "nbd://[::1]x/ | unexpected text after ]",
        "nbd://u@h/ | a user name (@) is not supported",
        "nbd://h/?socket=/s | parameter socket needs the scheme nbd+unix",
        "nbd+unix:///x | parameter socket=PATH is missing",
        "nbd+unix://h/?socket=/s | host h with a unix socket",
        "nbd://h/?tls-certificates=/d | parameter tls-certificates needs nbds",
        "nbds://h/?tls-certificate=/d | unknown parameter tls-certificate",
        "nbds://h/?tls-verify-peer=maybe | must be true or false",
        "nbds://h/?tls-hostname=a&tls-hostname=b | given twice",
        "nbd://h/%zz | NBD URI nbd://h/%zz",
        "nbd://h/#f | a fragment",
      })
  void anErrorNamesTheUriAndWhatIsWrong(String text, String problem) {
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> NbdUri.parse(text));
    assertTrue(e.getMessage().contains(problem), e.getMessage());
    assertTrue(e.getMessage().startsWith("NBD URI " + text + ": "), e.getMessage());
  }

  @Test
  void anExportNameIsAtMost4096Bytes() {
    NbdUri.parse("nbd://h/" + "a".repeat(4096));
    assertThrows(
        IllegalArgumentException.class, () -> NbdUri.parse("nbd://h/" + "%C3%A4".repeat(2049)));
  }
}
