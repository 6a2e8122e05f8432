package dev.wherry.nbd;

import io.netty.handler.ssl.ClientAuth;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslProvider;
import io.netty.handler.ssl.util.InsecureTrustManagerFactory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.PrivateKey;
import java.security.cert.X509Certificate;
import java.util.List;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;

/**
 * TLS contexts from a directory of PEM files that are named as QEMU, nbdkit and libnbd name them:
 *
 * <pre>
 * ca-cert.pem        whom both sides trust
 * server-cert.pem    server-key.pem
 * client-cert.pem    client-key.pem
 * </pre>
 *
 * TLS 1.3 alone. The server demands a client certificate that the CA has signed. Keys without a
 * password, PKCS#8 or the older RSA and EC forms. The methods read files and so may block; all
 * errors are {@link IllegalArgumentException}s that name the file.
 */
public final class NbdTls {
  public static final String CA_CERT = "ca-cert.pem";
  public static final String SERVER_CERT = "server-cert.pem";
  public static final String SERVER_KEY = "server-key.pem";
  public static final String CLIENT_CERT = "client-cert.pem";
  public static final String CLIENT_KEY = "client-key.pem";

  private NbdTls() {}

  /** The context of a server. */
  public static SslContext server(Path directory) {
    X509Certificate[] ca = certificates(directory.resolve(CA_CERT));
    X509Certificate[] own = certificates(directory.resolve(SERVER_CERT));
    PrivateKey key = key(directory.resolve(SERVER_KEY));
    return build(
        directory,
        SslContextBuilder.forServer(key, own).trustManager(ca).clientAuth(ClientAuth.REQUIRE));
  }

  /**
   * The context of a client. The certificate and key of the client may be missing, both of them:
   * then it has none to show.
   *
   * @param directory null for the JDK's own certificate authorities and no certificate to show
   * @param verifyPeer whether the server's certificate must be signed by the CA and bear the name
   *     of the host
   */
  public static SslContext client(@Nullable Path directory, boolean verifyPeer) {
    SslContextBuilder builder = SslContextBuilder.forClient();
    if (directory != null) {
      requireDirectory(directory);
      Path cert = directory.resolve(CLIENT_CERT);
      Path key = directory.resolve(CLIENT_KEY);
      if (verifyPeer) {
        builder.trustManager(certificates(directory.resolve(CA_CERT)));
      }
      if (Files.exists(cert) || Files.exists(key)) {
        builder.keyManager(key(key), certificates(cert));
      }
    }
    if (!verifyPeer) {
      builder.trustManager(InsecureTrustManagerFactory.INSTANCE);
      builder.endpointIdentificationAlgorithm(null);
    } else {
      builder.endpointIdentificationAlgorithm("HTTPS");
    }
    return build(directory, builder);
  }

  private static SslContext build(@Nullable Path directory, SslContextBuilder builder) {
    try {
      return builder.sslProvider(SslProvider.JDK).protocols("TLSv1.3").build();
    } catch (SSLException | IllegalArgumentException e) {
      throw new IllegalArgumentException("TLS directory " + directory + ": " + e.getMessage(), e);
    }
  }

  private static void requireDirectory(Path directory) {
    if (!Files.isDirectory(directory)) {
      throw new IllegalArgumentException("TLS directory " + directory + " does not exist");
    }
  }

  private static byte[] bytes(Path file) {
    requireDirectory(file.toAbsolutePath().getParent());
    if (!Files.exists(file)) {
      throw new IllegalArgumentException("TLS file " + file + " is missing");
    }
    try {
      return Files.readAllBytes(file);
    } catch (IOException e) {
      throw new IllegalArgumentException("TLS file " + file + " cannot be read", e);
    }
  }

  private static X509Certificate[] certificates(Path file) {
    byte[] content = bytes(file);
    try {
      List<X509Certificate> found = Pem.certificates(content);
      if (!found.isEmpty()) {
        return found.toArray(new X509Certificate[0]);
      }
    } catch (GeneralSecurityException | IllegalArgumentException e) {
      throw new IllegalArgumentException(
          "TLS file " + file + " holds a malformed certificate: " + e.getMessage(), e);
    }
    throw new IllegalArgumentException("TLS file " + file + " holds no certificate");
  }

  private static PrivateKey key(Path file) {
    byte[] content = bytes(file);
    try {
      return Pem.privateKey(content);
    } catch (GeneralSecurityException | IllegalArgumentException e) {
      throw new IllegalArgumentException("TLS file " + file + ": " + e.getMessage(), e);
    }
  }
}
