package dev.wherry.daemon.config;

import java.nio.file.Path;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * All that the daemon is told, checked. Immutable, read once at start, safe on any thread.
 *
 * @param node name of this node
 * @param data the data directory, absolute
 * @param nbd where NBD is served
 * @param nbdUnix the unix socket where NBD is served, absolute
 * @param api where REST is served
 * @param link where other nodes connect
 * @param io how sockets and files do their I/O
 * @param tls TLS of NBD and link
 * @param tlsDir where the PEM files are; given wherever TLS is used
 * @param apiTls REST is served by HTTPS
 * @param apiToken what REST wants as bearer token, or null for none
 * @param insecure serving beyond loopback in the clear was asked for in words
 * @param ioTimeout how long a request may wait for a store that is away
 * @param connections NBD connections at once
 * @param slowRequest requests that take longer are logged; zero for none
 * @param logFormat how lines of the log look
 * @param logLevel what is logged
 * @param rehearse hand-overs are played before the first real one
 */
public record Configuration(
    String node,
    Path data,
    HostPort nbd,
    Path nbdUnix,
    HostPort api,
    HostPort link,
    Io io,
    Tls tls,
    @Nullable Path tlsDir,
    boolean apiTls,
    @Nullable String apiToken,
    boolean insecure,
    Duration ioTimeout,
    int connections,
    Duration slowRequest,
    LogFormat logFormat,
    LogLevel logLevel,
    boolean rehearse) {

  /** How sockets and files do their I/O. */
  public enum Io {
    AUTO,
    EPOLL,
    NIO,
    URING
  }

  /** Whether NBD clients may, must or cannot use TLS. */
  public enum Tls {
    OFF,
    ON,
    REQUIRE
  }

  /** How lines of the log look. */
  public enum LogFormat {
    TEXT,
    JSON
  }

  /** What is logged. */
  public enum LogLevel {
    ERROR,
    WARN,
    INFO,
    DEBUG
  }

  /** Without the token: a configuration may be logged. */
  @Override
  public String toString() {
    return "node="
        + node
        + " data="
        + data
        + " nbd="
        + nbd
        + " nbd-unix="
        + nbdUnix
        + " api="
        + api
        + " link="
        + link
        + " io="
        + io
        + " tls="
        + tls
        + " api-tls="
        + apiTls
        + " insecure="
        + insecure
        + " io-timeout="
        + ioTimeout;
  }
}
