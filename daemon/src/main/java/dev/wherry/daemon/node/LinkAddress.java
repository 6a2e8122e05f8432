package dev.wherry.daemon.node;

import dev.wherry.daemon.volume.Refusal;

/**
 * Where another node's link listens. A name is not resolved here: it may be known later.
 *
 * @param host a name or a literal address, without brackets
 * @param port 1 to 65535
 */
public record LinkAddress(String host, int port) {
  private static final int MOST_CHARACTERS = 253;

  /** Reads {@code HOST:PORT} or {@code [IPV6]:PORT}. */
  public static LinkAddress parse(String text) {
    int colon = text.lastIndexOf(':');
    String host = colon < 0 ? "" : text.substring(0, colon);
    if (host.startsWith("[") && host.endsWith("]")) {
      host = host.substring(1, host.length() - 1);
      if (!host.matches("[0-9A-Fa-f:.%a-z0-9]+")) {
        throw malformed(text, "is not [IPV6]:PORT");
      }
    } else if (host.indexOf(':') >= 0) {
      throw malformed(text, "is not HOST:PORT; an IPv6 address is written [ADDRESS]:PORT");
    } else if (!host.matches("[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_.])?")
        || host.length() > MOST_CHARACTERS) {
      throw malformed(text, "is not HOST:PORT");
    }
    String digits = text.substring(colon + 1);
    int port = digits.matches("[0-9]{1,5}") ? Integer.parseInt(digits) : 0;
    if (port < 1 || port > 65535) {
      throw malformed(text, "has no port from 1 to 65535");
    }
    return new LinkAddress(host, port);
  }

  private static Refusal malformed(String text, String why) {
    String shown = text.replaceAll("\\p{Cntrl}", "?");
    return Refusal.malformed(
        "link '" + (shown.length() > 80 ? shown.substring(0, 80) + "…" : shown) + "' " + why);
  }

  @Override
  public String toString() {
    return (host.indexOf(':') >= 0 ? "[" + host + "]" : host) + ":" + port;
  }
}
