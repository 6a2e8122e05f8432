package dev.wherry.daemon.api;

import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * Where a volume is attached.
 *
 * @param uri over TCP
 * @param unixUri over the common unix socket
 */
public record NbdUris(String uri, String unixUri) {

  /**
   * Makes them.
   *
   * @param address HOST:PORT as clients reach it
   * @param tls clients must use TLS on TCP
   * @param socket the common unix socket
   */
  public record Maker(String address, boolean tls, Path socket) {
    NbdUris of(String suid) {
      String path =
          URLEncoder.encode(socket.toString(), StandardCharsets.UTF_8)
              .replace("%2F", "/")
              .replace("+", "%20");
      return new NbdUris(
          (tls ? "nbds://" : "nbd://") + address + "/" + suid,
          "nbd+unix:///" + suid + "?socket=" + path);
    }
  }
}
