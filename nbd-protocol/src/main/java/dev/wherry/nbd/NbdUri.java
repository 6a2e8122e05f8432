package dev.wherry.nbd;

import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The address of an export, in the form that libnbd, qemu-img and nbdkit understand ("The NBD
 * Uniform Resource Indicator (URI) format").
 *
 * <pre>
 * nbd://HOST[:PORT]/[EXPORT]                      nbds:// with TLS
 * nbd+unix:///[EXPORT]?socket=PATH                nbds+unix:// with TLS
 * </pre>
 *
 * With TLS: {@code tls-certificates=DIR}, {@code tls-hostname=NAME} (the name that the server's
 * certificate has to bear, if not the host) and {@code tls-verify-peer=false}. Export, paths and
 * values are percent-encoded.
 *
 * @param tls whether TLS is demanded; without it the client never speaks TLS
 * @param host name or address of the server, IPv6 without brackets; null for a unix socket
 * @param port TCP port, 1 to 65535; of no meaning for a unix socket
 * @param socket path of the unix socket; null for TCP
 * @param export name of the export, may be empty
 * @param tlsCertificates directory of the certificates, see {@link NbdTls}; null for the default
 * @param tlsHostname name that the server's certificate must bear; null for the host
 * @param tlsVerifyPeer whether the server's certificate is verified at all
 */
public record NbdUri(
    boolean tls,
    @Nullable String host,
    int port,
    @Nullable Path socket,
    String export,
    @Nullable Path tlsCertificates,
    @Nullable String tlsHostname,
    boolean tlsVerifyPeer) {

  /** All schemes, in lower case. */
  public static final Set<String> SCHEMES = Set.of("nbd", "nbds", "nbd+unix", "nbds+unix");

  private static final Set<String> PARAMETERS =
      Set.of("socket", "tls-certificates", "tls-hostname", "tls-verify-peer");

  public NbdUri {
    if ((host == null) == (socket == null)) {
      throw new IllegalArgumentException("an NBD address has a host or a socket, one of them");
    }
    if (port < 1 || port > 65535) {
      throw new IllegalArgumentException("port " + port + ": must be 1 to 65535");
    }
    int length = export.getBytes(StandardCharsets.UTF_8).length;
    if (length > Wire.MAX_STRING) {
      throw new IllegalArgumentException(
          "export name of " + length + " bytes: at most " + Wire.MAX_STRING);
    }
  }

  /** An export over TCP without TLS. */
  public static NbdUri tcp(String host, int port, String export) {
    return new NbdUri(false, host, port, null, export, null, null, true);
  }

  /** An export over a unix socket without TLS. */
  public static NbdUri unix(Path socket, String export) {
    return new NbdUri(false, null, Wire.DEFAULT_PORT, socket, export, null, null, true);
  }

  /**
   * Reads a URI.
   *
   * @throws IllegalArgumentException whose message names the URI and what is wrong with it
   */
  public static NbdUri parse(String text) {
    try {
      return parseParts(text);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException("NBD URI " + text + ": " + e.getMessage(), e);
    }
  }

  private static NbdUri parseParts(String text) {
    int colon = text.indexOf("://");
    String scheme = colon < 0 ? "" : text.substring(0, colon).toLowerCase(Locale.ROOT);
    if (!SCHEMES.contains(scheme)) {
      throw new IllegalArgumentException(
          "the scheme must be nbd://, nbds://, nbd+unix:// or nbds+unix://");
    }
    String rest = text.substring(colon + 3);
    if (rest.indexOf('#') >= 0) {
      throw new IllegalArgumentException("a fragment (#) has no meaning; write %23 for the sign");
    }
    int question = rest.indexOf('?');
    Map<String, String> parameters =
        question < 0 ? Map.of() : parameters(rest.substring(question + 1));
    String place = question < 0 ? rest : rest.substring(0, question);
    int slash = place.indexOf('/');
    String authority = slash < 0 ? place : place.substring(0, slash);
    String export = slash < 0 ? "" : decode(place.substring(slash + 1));

    boolean tls = scheme.startsWith("nbds");
    if (!tls) {
      for (String name : parameters.keySet()) {
        if (name.startsWith("tls-")) {
          throw new IllegalArgumentException(
              "parameter " + name + " needs " + (scheme.endsWith("unix") ? "nbds+unix" : "nbds"));
        }
      }
    }
    String socket = parameters.get("socket");
    String host = null;
    int port = Wire.DEFAULT_PORT;
    if (scheme.endsWith("+unix")) {
      if (!authority.isEmpty()) {
        throw new IllegalArgumentException(
            "host " + authority + " with a unix socket: write " + scheme + ":///EXPORT");
      }
      if (socket == null || socket.isEmpty()) {
        throw new IllegalArgumentException("parameter socket=PATH is missing");
      }
    } else {
      if (socket != null) {
        throw new IllegalArgumentException("parameter socket needs the scheme " + scheme + "+unix");
      }
      int end = hostEnd(authority);
      host = decode(strip(authority.substring(0, end)));
      if (host.isEmpty()) {
        throw new IllegalArgumentException("the host is missing");
      }
      if (end < authority.length()) {
        port = port(authority.substring(end + 1));
      }
    }
    String directory = parameters.get("tls-certificates");
    return new NbdUri(
        tls,
        host,
        port,
        socket == null ? null : Path.of(socket),
        export,
        directory == null ? null : Path.of(directory),
        parameters.get("tls-hostname"),
        verifies(parameters.get("tls-verify-peer")));
  }

  /** Where the host ends in HOST or HOST:PORT or [V6] or [V6]:PORT. */
  private static int hostEnd(String authority) {
    if (authority.indexOf('@') >= 0) {
      throw new IllegalArgumentException("a user name (@) is not supported");
    }
    if (authority.startsWith("[")) {
      int close = authority.indexOf(']');
      if (close < 0) {
        throw new IllegalArgumentException("no ] after the IPv6 address");
      }
      if (close + 1 < authority.length() && authority.charAt(close + 1) != ':') {
        throw new IllegalArgumentException("unexpected text after ]");
      }
      return close + 1;
    }
    int colon = authority.indexOf(':');
    if (colon >= 0 && authority.indexOf(':', colon + 1) >= 0) {
      throw new IllegalArgumentException("an IPv6 address is written in brackets, as [::1]");
    }
    return colon < 0 ? authority.length() : colon;
  }

  private static String strip(String host) {
    return host.startsWith("[") ? host.substring(1, host.length() - 1) : host;
  }

  private static int port(String digits) {
    if (digits.isEmpty()) {
      return Wire.DEFAULT_PORT;
    }
    try {
      return Integer.parseInt(digits);
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException("port " + digits + ": must be 1 to 65535", e);
    }
  }

  private static boolean verifies(@Nullable String value) {
    if (value == null) {
      return true;
    }
    return switch (value.toLowerCase(Locale.ROOT)) {
      case "1", "true", "t", "yes", "y", "on" -> true;
      case "0", "false", "f", "no", "n", "off" -> false;
      default ->
          throw new IllegalArgumentException(
              "tls-verify-peer=" + value + ": must be true or false");
    };
  }

  private static Map<String, String> parameters(String query) {
    Map<String, String> found = new HashMap<>();
    for (String pair : query.split("[&;]", -1)) {
      if (pair.isEmpty()) {
        continue;
      }
      int equals = pair.indexOf('=');
      String name = decode(equals < 0 ? pair : pair.substring(0, equals));
      if (!PARAMETERS.contains(name)) {
        throw new IllegalArgumentException("unknown parameter " + name);
      }
      if (found.put(name, equals < 0 ? "" : decode(pair.substring(equals + 1))) != null) {
        throw new IllegalArgumentException("parameter " + name + " is given twice");
      }
    }
    return found;
  }

  private static String decode(String text) {
    // URLDecoder is for forms, where a plus sign is a blank; in a URI it is itself.
    return URLDecoder.decode(text.replace("+", "%2B"), StandardCharsets.UTF_8);
  }

  private static String encode(String text, String alsoPlain) {
    StringBuilder out = new StringBuilder();
    for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
      char c = (char) (b & 0xff);
      boolean plain =
          c < 128 && (Character.isLetterOrDigit(c) || ("-._~" + alsoPlain).indexOf(c) >= 0);
      if (plain) {
        out.append(c);
      } else {
        out.append('%').append(String.format("%02X", (int) c));
      }
    }
    return out.toString();
  }

  /** Where the server listens, for messages: {@code HOST:PORT} or the path of the socket. */
  public String place() {
    return host == null
        ? Objects.requireNonNull(socket).toString()
        : (host.indexOf(':') >= 0 ? "[" + host + "]" : host) + ":" + port;
  }

  /** The URI; {@link #parse} of it is equal to this. */
  @Override
  public String toString() {
    StringBuilder out = new StringBuilder(tls ? "nbds" : "nbd");
    List<String> parameters = new ArrayList<>();
    if (host == null) {
      out.append("+unix://");
      parameters.add("socket=" + encode(Objects.requireNonNull(socket).toString(), "/:"));
    } else if (host.indexOf(':') >= 0) {
      out.append("://[").append(encode(host, ":")).append(']');
    } else {
      out.append("://").append(encode(host, ""));
    }
    if (host != null && port != Wire.DEFAULT_PORT) {
      out.append(':').append(port);
    }
    out.append('/').append(encode(export, "/:"));
    if (tlsCertificates != null) {
      parameters.add("tls-certificates=" + encode(tlsCertificates.toString(), "/:"));
    }
    if (tlsHostname != null) {
      parameters.add("tls-hostname=" + encode(tlsHostname, ""));
    }
    if (!tlsVerifyPeer) {
      parameters.add("tls-verify-peer=false");
    }
    return parameters.isEmpty()
        ? out.toString()
        : out.append('?').append(String.join("&", parameters)).toString();
  }
}
