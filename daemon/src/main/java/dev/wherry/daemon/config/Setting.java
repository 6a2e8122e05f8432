package dev.wherry.daemon.config;

import java.util.Locale;
import java.util.Optional;

/**
 * Every setting, under one name: {@code nbd-unix} is the option {@code --nbd-unix}, the environment
 * variable {@code WHERRYD_NBD_UNIX} and the key {@code nbd-unix} of the YAML file.
 */
public enum Setting {
  NODE("NAME", "name of this node; default: the host name"),
  DATA("DIR", "data directory; default: /var/lib/wherry"),
  NBD("HOST:PORT", "where NBD is served; default: 127.0.0.1:10809"),
  NBD_UNIX("PATH", "unix socket where NBD is served; default: DATA/nbd.sock"),
  API("HOST:PORT", "where REST is served; default: 127.0.0.1:8009"),
  LINK("HOST:PORT", "where other nodes connect; default: 127.0.0.1:8010"),
  IO("auto|epoll|nio|uring", "how sockets and files do their I/O; default: auto"),
  TLS("off|on|require", "TLS for NBD clients and nodes; default: off"),
  TLS_DIR("DIR", "holds ca-cert.pem, server-cert.pem, server-key.pem, client-*.pem"),
  API_TLS(
      "auto|on|off", "HTTPS for REST; default auto: where it is off loopback and tls is not off"),
  API_TOKEN_FILE("FILE", "holds the token that REST wants as 'Authorization: Bearer'"),
  INSECURE("", "serve beyond loopback without TLS or token"),
  IO_TIMEOUT("TIME", "how long a request may wait for a store that is away; default: 30s"),
  CONNECTIONS("N", "NBD connections at once; default: 1024"),
  SLOW_REQUEST("TIME", "log requests that take longer; 0 for none; default: 1s"),
  REHEARSE(
      "true|false",
      "play hand-overs of a throw-away volume after the start, so that the first real one is fast;"
          + " default: true"),
  LOG_FORMAT("text|json", "how lines of the log look; default: text"),
  LOG_LEVEL("error|warn|info|debug", "what is logged; default: info");

  private final String value;
  private final String description;

  Setting(String value, String description) {
    this.value = value;
    this.description = description;
  }

  /** The name that people use, as {@code nbd-unix}. */
  public String key() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  public String option() {
    return "--" + key();
  }

  public String environment() {
    return "WHERRYD_" + name();
  }

  /** What stands for the value in the help; empty for a switch. */
  public String value() {
    return value;
  }

  public String description() {
    return description;
  }

  /** True if it is given without a value. */
  public boolean isSwitch() {
    return value.isEmpty();
  }

  /** The setting of a key of the YAML file; {@code nbd_unix} and {@code nbdUnix} do as well. */
  static Optional<Setting> ofKey(String key) {
    String name =
        key.replaceAll("([a-z])([A-Z])", "$1_$2").replace('-', '_').toUpperCase(Locale.ROOT);
    for (Setting s : values()) {
      if (s.name().equals(name)) {
        return Optional.of(s);
      }
    }
    return Optional.empty();
  }
}
