package dev.wherry.nbd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.buffer.UnpooledByteBufAllocator;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import javax.net.ssl.SSLEngine;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

final class NbdTlsTest {
  @TempDir Path dir;

  @ParameterizedTest
  @EnumSource
  void everyKindOfKeyIsRead(Certificates.Key kind) throws IOException {
    Certificates.make(dir, kind);
    SSLEngine server = NbdTls.server(dir).newEngine(UnpooledByteBufAllocator.DEFAULT);
    assertTrue(server.getNeedClientAuth());
    assertEquals(List.of("TLSv1.3"), List.of(server.getEnabledProtocols()));
    SSLEngine client = NbdTls.client(dir, true).newEngine(UnpooledByteBufAllocator.DEFAULT);
    assertEquals(List.of("TLSv1.3"), List.of(client.getEnabledProtocols()));
    assertEquals("HTTPS", client.getSSLParameters().getEndpointIdentificationAlgorithm());
  }

  @Test
  void aMissingFileIsNamed() throws IOException {
    Certificates.make(dir, Certificates.Key.EC);
    for (String file : List.of(NbdTls.CA_CERT, NbdTls.SERVER_CERT, NbdTls.SERVER_KEY)) {
      Path aside = dir.resolve("aside");
      Files.move(dir.resolve(file), aside);
      IllegalArgumentException e =
          assertThrows(IllegalArgumentException.class, () -> NbdTls.server(dir));
      assertEquals("TLS file " + dir.resolve(file) + " is missing", e.getMessage());
      Files.move(aside, dir.resolve(file));
    }
    Files.delete(dir.resolve(NbdTls.CLIENT_KEY));
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> NbdTls.client(dir, true));
    assertEquals("TLS file " + dir.resolve(NbdTls.CLIENT_KEY) + " is missing", e.getMessage());
    // Without both it is a client that has nothing to show.
    Files.delete(dir.resolve(NbdTls.CLIENT_CERT));
    NbdTls.client(dir, true);
  }

  @Test
  void aMissingDirectoryAndNonsenseInAFileAreNamed() throws IOException {
    Path none = dir.resolve("none");
    assertEquals(
        "TLS directory " + none + " does not exist",
        assertThrows(IllegalArgumentException.class, () -> NbdTls.server(none)).getMessage());
    Certificates.make(dir, Certificates.Key.EC);
    Path key = dir.resolve(NbdTls.SERVER_KEY);
    Files.writeString(key, "nothing\n");
    assertEquals(
        "TLS file " + key + ": it holds no private key",
        assertThrows(IllegalArgumentException.class, () -> NbdTls.server(dir)).getMessage());
    for (String kind : List.of("PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY")) {
      Files.writeString(key, "-----BEGIN " + kind + "-----\nAAAA\n-----END " + kind + "-----\n");
      String message =
          assertThrows(IllegalArgumentException.class, () -> NbdTls.server(dir)).getMessage();
      assertTrue(message.startsWith("TLS file " + key + ": "), message);
    }
    Path cert = dir.resolve(NbdTls.CA_CERT);
    Files.writeString(cert, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    String message =
        assertThrows(IllegalArgumentException.class, () -> NbdTls.client(dir, true)).getMessage();
    assertTrue(message.startsWith("TLS file " + cert + " holds a malformed"), message);
  }
}
