package dev.wherry.nbd;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.InvalidKeySpecException;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Certificates and private keys in PEM. The JDK reads private keys in PKCS#8 alone; the two older
 * forms (RFC 8017 "RSA PRIVATE KEY", RFC 5915 "EC PRIVATE KEY"), which GnuTLS's certtool writes,
 * are wrapped into it here.
 */
final class Pem {
  private static final Pattern SECTION =
      Pattern.compile("-----BEGIN ([A-Z0-9 ]+)-----([^-]*)-----END \\1-----");

  /** AlgorithmIdentifier of rsaEncryption with its NULL parameter. */
  private static final byte[] RSA_ALGORITHM = {
    0x30,
    0x0d,
    0x06,
    0x09,
    0x2a,
    (byte) 0x86,
    0x48,
    (byte) 0x86,
    (byte) 0xf7,
    0x0d,
    0x01,
    0x01,
    0x01,
    0x05,
    0x00
  };

  /** Object identifier id-ecPublicKey. */
  private static final byte[] EC_PUBLIC_KEY = {
    0x06, 0x07, 0x2a, (byte) 0x86, 0x48, (byte) 0xce, 0x3d, 0x02, 0x01
  };

  private static final byte[] VERSION_0 = {0x02, 0x01, 0x00};
  private static final int SEQUENCE = 0x30;
  private static final int OCTET_STRING = 0x04;
  private static final int PARAMETERS = 0xa0;

  private Pem() {}

  static List<X509Certificate> certificates(byte[] content) throws GeneralSecurityException {
    CertificateFactory factory = CertificateFactory.getInstance("X.509");
    List<X509Certificate> found = new ArrayList<>();
    Matcher m = SECTION.matcher(text(content));
    while (m.find()) {
      if (m.group(1).equals("CERTIFICATE")) {
        byte[] der = der(m.group(2));
        found.add((X509Certificate) factory.generateCertificate(new ByteArrayInputStream(der)));
      }
    }
    return found;
  }

  /** The first private key. */
  static PrivateKey privateKey(byte[] content) throws GeneralSecurityException {
    Matcher m = SECTION.matcher(text(content));
    while (m.find()) {
      byte[] body;
      switch (m.group(1)) {
        case "PRIVATE KEY" -> body = der(m.group(2));
        case "RSA PRIVATE KEY" ->
            body =
                tagged(SEQUENCE, VERSION_0, RSA_ALGORITHM, tagged(OCTET_STRING, der(m.group(2))));
        case "EC PRIVATE KEY" -> body = wrapEc(der(m.group(2)));
        case "ENCRYPTED PRIVATE KEY" ->
            throw new IllegalArgumentException("the key has a password, which is not supported");
        default -> {
          continue;
        }
      }
      return privateKeyOf(body);
    }
    throw new IllegalArgumentException("it holds no private key");
  }

  private static PrivateKey privateKeyOf(byte[] pkcs8) throws GeneralSecurityException {
    InvalidKeySpecException last = new InvalidKeySpecException("no algorithm");
    for (String algorithm : List.of("RSA", "EC", "EdDSA")) {
      try {
        return KeyFactory.getInstance(algorithm).generatePrivate(new PKCS8EncodedKeySpec(pkcs8));
      } catch (InvalidKeySpecException e) {
        last = e;
      }
    }
    throw new IllegalArgumentException(
        "the private key is malformed, or neither RSA nor EC nor EdDSA", last);
  }

  private static String text(byte[] content) {
    return new String(content, StandardCharsets.ISO_8859_1);
  }

  private static byte[] der(String base64) {
    if (base64.indexOf(':') >= 0) {
      throw new IllegalArgumentException("the key has a password, which is not supported");
    }
    return Base64.getMimeDecoder().decode(base64);
  }

  private static byte[] wrapEc(byte[] key) {
    byte[] algorithm = tagged(SEQUENCE, EC_PUBLIC_KEY, curve(key));
    return tagged(SEQUENCE, VERSION_0, algorithm, tagged(OCTET_STRING, key));
  }

  /** ECPrivateKey ::= SEQUENCE { version, privateKey, [0] parameters, [1] publicKey }. */
  private static byte[] curve(byte[] key) {
    int at = contentAt(key, 0);
    while (at < key.length) {
      int start = contentAt(key, at);
      int end = start + lengthAt(key, at);
      if ((key[at] & 0xff) == PARAMETERS && end <= key.length) {
        return Arrays.copyOfRange(key, start, end);
      }
      at = end;
    }
    throw new IllegalArgumentException("the EC key does not name its curve");
  }

  private static int lengthAt(byte[] der, int at) {
    requireWithin(der, at + 1);
    int first = der[at + 1] & 0xff;
    if (first < 0x80) {
      return first;
    }
    int length = 0;
    for (int i = 0; i < (first & 0x7f) && i < 4; i++) {
      requireWithin(der, at + 2 + i);
      length = (length << 8) | (der[at + 2 + i] & 0xff);
    }
    if (length < 0 || length > der.length) {
      throw new IllegalArgumentException("the EC key is malformed");
    }
    return length;
  }

  private static int contentAt(byte[] der, int at) {
    requireWithin(der, at + 1);
    int first = der[at + 1] & 0xff;
    return at + 2 + (first < 0x80 ? 0 : first & 0x7f);
  }

  private static void requireWithin(byte[] der, int at) {
    if (at >= der.length) {
      throw new IllegalArgumentException("the EC key is malformed");
    }
  }

  private static byte[] tagged(int tag, byte[]... parts) {
    ByteArrayOutputStream content = new ByteArrayOutputStream();
    for (byte[] part : parts) {
      content.writeBytes(part);
    }
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.write(tag);
    int length = content.size();
    if (length < 0x80) {
      out.write(length);
    } else {
      int bytes = length < 0x100 ? 1 : length < 0x10000 ? 2 : 3;
      out.write(0x80 | bytes);
      for (int i = bytes - 1; i >= 0; i--) {
        out.write(length >> (8 * i));
      }
    }
    out.writeBytes(content.toByteArray());
    return out.toByteArray();
  }
}
