package dev.wherry.daemon.config;

import dev.wherry.daemon.config.Configuration.Tls;

/**
 * The rule for listening where others can reach it: off loopback, NBD and link want {@code --tls
 * require}, REST wants TLS and a token, or {@code --insecure} says that it is meant.
 */
final class Exposure {
  private Exposure() {}

  static void check(
      HostPort nbd,
      HostPort api,
      HostPort link,
      Tls tls,
      boolean apiTls,
      boolean token,
      boolean insecure) {
    if (insecure) {
      return;
    }
    wantTls(Setting.NBD, nbd, tls);
    wantTls(Setting.LINK, link, tls);
    if (!api.isLoopback() && !(apiTls && token)) {
      throw new ConfigurationException(
          Setting.API.key(),
          api
              + " is not loopback: that wants --tls, --api-token-file and --tls-dir, or --insecure");
    }
  }

  private static void wantTls(Setting setting, HostPort where, Tls tls) {
    if (!where.isLoopback() && tls != Tls.REQUIRE) {
      throw new ConfigurationException(
          setting.key(), where + " is not loopback: that wants --tls require, or --insecure");
    }
  }
}
