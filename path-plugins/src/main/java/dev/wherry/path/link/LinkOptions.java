package dev.wherry.path.link;

import io.netty.channel.EventLoopGroup;
import io.netty.handler.ssl.SslContext;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * Settings of a {@link LinkHub}.
 *
 * @param group of epoll or NIO
 * @param identity this node
 * @param serverTls with which others are let in, or null for plain connections; it demands a
 *     client's certificate
 * @param clientTls with which others are dialed, or null for plain connections
 * @param ping between looks at whether the other side lives
 * @param silence after which a connection without a byte is given up; more than {@code ping}
 * @param connect how long a connection may take until it is up
 * @param retry the longest wait between two attempts to connect
 * @param sessionLife how long a session outlives its last connection
 * @param compress whether LZ4 may be used at all
 */
public record LinkOptions(
    EventLoopGroup group,
    LinkIdentity identity,
    @Nullable SslContext serverTls,
    @Nullable SslContext clientTls,
    Duration ping,
    Duration silence,
    Duration connect,
    Duration retry,
    Duration sessionLife,
    boolean compress) {

  /** The defaults: pings every 2 s, dead after 6 s, attempts at least every 2 s. */
  public static LinkOptions of(
      EventLoopGroup group,
      LinkIdentity identity,
      @Nullable SslContext serverTls,
      @Nullable SslContext clientTls) {
    return new LinkOptions(
        group,
        identity,
        serverTls,
        clientTls,
        Duration.ofSeconds(2),
        Duration.ofSeconds(6),
        Duration.ofSeconds(10),
        Duration.ofSeconds(2),
        Duration.ofMinutes(5),
        true);
  }

  /** The same with other times. */
  public LinkOptions withTimes(Duration newPing, Duration newSilence, Duration newRetry) {
    return new LinkOptions(
        group,
        identity,
        serverTls,
        clientTls,
        newPing,
        newSilence,
        connect,
        newRetry,
        sessionLife,
        compress);
  }

  /** The same with another life of sessions. */
  public LinkOptions withSessionLife(Duration value) {
    return new LinkOptions(
        group, identity, serverTls, clientTls, ping, silence, connect, retry, value, compress);
  }

  /** The same with or without LZ4. */
  public LinkOptions withCompress(boolean value) {
    return new LinkOptions(
        group, identity, serverTls, clientTls, ping, silence, connect, retry, sessionLife, value);
  }
}
