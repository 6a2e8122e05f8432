package dev.wherry.nbd;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Makes directories of certificates with the openssl command, for tests. */
public final class Certificates {
  /** Kinds of private keys. */
  public enum Key {
    /** PKCS#8, elliptic curve. */
    EC,
    /** PKCS#8, RSA. */
    RSA,
    /** The older form of an EC key. */
    EC_SEC1,
    /** The older form of an RSA key. */
    RSA_PKCS1
  }

  private Certificates() {}

  /** A CA, a server {@code localhost} and a client {@code CN=host-a} in a new directory. */
  public static Path make(Path directory, Key kind) throws IOException {
    Files.createDirectories(directory);
    key(directory, "ca-key.pem", Key.EC);
    openssl(
        directory, "req -x509 -new -key ca-key.pem -subj /CN=CA -days 2 -out " + NbdTls.CA_CERT);
    sign(directory, "server", "localhost", kind);
    sign(directory, "client", "host-a", kind);
    return directory;
  }

  private static void sign(Path directory, String name, String subject, Key kind)
      throws IOException {
    key(directory, name + "-key.pem", kind);
    openssl(
        directory,
        "req -new -key " + name + "-key.pem -subj /CN=" + subject + " -out " + name + ".csr");
    Path extensions = directory.resolve(name + ".ext");
    Files.writeString(extensions, "subjectAltName=DNS:" + subject + ",IP:127.0.0.1\n");
    openssl(
        directory,
        "x509 -req -in "
            + name
            + ".csr -CA ca-cert.pem -CAkey ca-key.pem -CAcreateserial -days 2 -extfile "
            + extensions.getFileName()
            + " -out "
            + name
            + "-cert.pem");
  }

  private static void key(Path directory, String file, Key kind) throws IOException {
    switch (kind) {
      case EC ->
          openssl(directory, "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out " + file);
      case RSA ->
          openssl(directory, "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out " + file);
      case EC_SEC1 -> openssl(directory, "ecparam -name prime256v1 -genkey -noout -out " + file);
      case RSA_PKCS1 -> openssl(directory, "genrsa -traditional -out " + file + " 2048");
    }
  }

  private static void openssl(Path directory, String arguments) throws IOException {
    List<String> command = new ArrayList<>(List.of("openssl"));
    command.addAll(List.of(arguments.split(" ")));
    Path log = directory.resolve("openssl.log");
    Process process =
        new ProcessBuilder(command)
            .directory(directory.toFile())
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()))
            .start();
    try {
      if (!process.waitFor(60, TimeUnit.SECONDS)) {
        process.destroyForcibly();
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
      throw new IOException(e);
    }
    if (process.exitValue() != 0) {
      throw new IOException(command + ": " + Files.readString(log));
    }
  }
}
