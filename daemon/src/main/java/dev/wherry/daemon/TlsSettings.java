package dev.wherry.daemon;

import dev.wherry.daemon.catalog.NodeIdentity;
import dev.wherry.daemon.config.Configuration;
import dev.wherry.daemon.config.Configuration.Tls;
import dev.wherry.daemon.config.ConfigurationException;
import dev.wherry.nbd.NbdTls;
import dev.wherry.nbd.server.TlsMode;
import dev.wherry.path.link.LinkIdentity;
import dev.wherry.path.link.LinkOptions;
import io.netty.channel.EventLoopGroup;
import io.netty.handler.ssl.SslContext;
import java.nio.file.Path;
import java.util.UUID;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * What {@code --tls} and {@code --tls-dir} mean, for NBD clients and for links.
 *
 * @param mode whether NBD clients have to use it
 * @param dir where keys and certificates are
 * @param server what this node shows; null without TLS
 */
record TlsSettings(TlsMode mode, @Nullable Path dir, @Nullable SslContext server) {
  /**
   * Reads keys and certificates. Blocks.
   *
   * @throws ConfigurationException if they cannot be used
   */
  static TlsSettings read(Configuration config) {
    Path dir = config.tlsDir();
    TlsMode mode =
        switch (config.tls()) {
          case OFF -> TlsMode.OFF;
          case ON -> TlsMode.ON;
          case REQUIRE -> TlsMode.REQUIRE;
        };
    return new TlsSettings(
        mode,
        dir,
        config.tls() == Tls.OFF || dir == null ? null : usable(() -> NbdTls.server(dir)));
  }

  /** Links use TLS wherever this node has it: both sides show a certificate. */
  LinkOptions linkOptions(EventLoopGroup loops, NodeIdentity identity) {
    Path certificates = dir;
    return usable(
        () ->
            LinkOptions.of(
                loops,
                new LinkIdentity(identity.name(), UUID.fromString(identity.uuid())),
                server,
                server == null || certificates == null ? null : NbdTls.client(certificates, true)));
  }

  private static <T> T usable(Supplier<T> reader) {
    try {
      return reader.get();
    } catch (IllegalArgumentException e) {
      throw new ConfigurationException("tls-dir", String.valueOf(e.getMessage()));
    }
  }
}
