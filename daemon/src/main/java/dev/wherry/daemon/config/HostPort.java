package dev.wherry.daemon.config;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;

/**
 * Where to listen.
 *
 * @param host as given: a name or a literal address, without brackets
 * @param address the host's first address and the port, 0 to 65535, where 0 takes a free one
 */
public record HostPort(String host, InetSocketAddress address) {

  /** Reads {@code HOST:PORT} or {@code [IPV6]:PORT}; a name is resolved now. */
  static HostPort parse(String setting, String text) {
    int colon = text.lastIndexOf(':');
    String host = colon < 0 ? "" : text.substring(0, colon);
    if (host.startsWith("[") && host.endsWith("]")) {
      host = host.substring(1, host.length() - 1);
    } else if (host.indexOf(':') >= 0) {
      throw new ConfigurationException(
          setting, "'" + text + "': an IPv6 address is written [ADDRESS]:PORT");
    }
    if (host.isEmpty()) {
      throw new ConfigurationException(setting, "'" + text + "' is not HOST:PORT");
    }
    String digits = text.substring(colon + 1);
    int port = digits.matches("[0-9]{1,5}") ? Integer.parseInt(digits) : -1;
    if (port < 0 || port > 65535) {
      throw new ConfigurationException(
          setting, "port '" + digits + "' of '" + text + "' is not a number from 0 to 65535");
    }
    try {
      return new HostPort(host, new InetSocketAddress(InetAddress.getByName(host), port));
    } catch (UnknownHostException e) {
      throw new ConfigurationException(setting, "host '" + host + "' is unknown");
    }
  }

  public boolean isLoopback() {
    return address.getAddress().isLoopbackAddress();
  }

  /** The same host with the port that was really taken, as the ready line shows it. */
  public String withPort(int port) {
    return (host.indexOf(':') >= 0 ? "[" + host + "]" : host) + ":" + port;
  }

  @Override
  public String toString() {
    return withPort(address.getPort());
  }
}
