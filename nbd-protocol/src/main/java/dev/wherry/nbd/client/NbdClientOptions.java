package dev.wherry.nbd.client;

import dev.wherry.nbd.Extent;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Settings of an {@link NbdClient}.
 *
 * @param connections how many connections to open where the server says CAN_MULTI_CONN, 1 to 16;
 *     where it does not, there is one
 * @param ioTimeout how long a request may take in all, a server that is away included, before it
 *     fails with EIO; more than zero
 * @param connectTimeout limit of one attempt to connect and negotiate, more than zero
 * @param minBackoff wait before the second attempt to reconnect; the first follows at once
 * @param maxBackoff longest wait between attempts
 * @param replayLimit bytes of written and not yet flushed data that are kept for a replay; the
 *     client flushes by itself at half of it and holds writes back at the whole
 * @param readOnly refuse to write even if the server would not
 * @param tlsDir directory of the certificates where the URI names none, or null
 * @param contexts metadata contexts to ask for
 * @param extendedHeaders ask for extended headers (64-bit lengths)
 * @param structuredReplies ask for structured replies; without them there is no block status
 */
public record NbdClientOptions(
    int connections,
    Duration ioTimeout,
    Duration connectTimeout,
    Duration minBackoff,
    Duration maxBackoff,
    long replayLimit,
    boolean readOnly,
    @Nullable Path tlsDir,
    List<String> contexts,
    boolean extendedHeaders,
    boolean structuredReplies) {

  /** Four connections, 30 s, 64 MiB, everything asked for. */
  public static final NbdClientOptions DEFAULTS =
      new NbdClientOptions(
          4,
          Duration.ofSeconds(30),
          Duration.ofSeconds(10),
          Duration.ofMillis(20),
          Duration.ofSeconds(2),
          64L << 20,
          false,
          null,
          List.of(Extent.BASE_ALLOCATION),
          true,
          true);

  public NbdClientOptions {
    if (connections < 1 || connections > 16) {
      throw new IllegalArgumentException("connections " + connections + ": must be 1 to 16");
    }
    requirePositive("ioTimeout", ioTimeout);
    requirePositive("connectTimeout", connectTimeout);
    requirePositive("minBackoff", minBackoff);
    requirePositive("maxBackoff", maxBackoff);
    if (replayLimit < 1) {
      throw new IllegalArgumentException("replayLimit " + replayLimit + ": must be more than 0");
    }
    contexts = List.copyOf(contexts);
  }

  private static void requirePositive(String name, Duration value) {
    if (value.isZero() || value.isNegative()) {
      throw new IllegalArgumentException(name + " " + value + ": must be more than 0");
    }
  }

  public NbdClientOptions withConnections(int count) {
    return new NbdClientOptions(
        count,
        ioTimeout,
        connectTimeout,
        minBackoff,
        maxBackoff,
        replayLimit,
        readOnly,
        tlsDir,
        contexts,
        extendedHeaders,
        structuredReplies);
  }

  public NbdClientOptions withIoTimeout(Duration value) {
    return new NbdClientOptions(
        connections,
        value,
        connectTimeout,
        minBackoff,
        maxBackoff,
        replayLimit,
        readOnly,
        tlsDir,
        contexts,
        extendedHeaders,
        structuredReplies);
  }

  public NbdClientOptions withConnectTimeout(Duration value) {
    return new NbdClientOptions(
        connections,
        ioTimeout,
        value,
        minBackoff,
        maxBackoff,
        replayLimit,
        readOnly,
        tlsDir,
        contexts,
        extendedHeaders,
        structuredReplies);
  }

  public NbdClientOptions withReplayLimit(long bytes) {
    return new NbdClientOptions(
        connections,
        ioTimeout,
        connectTimeout,
        minBackoff,
        maxBackoff,
        bytes,
        readOnly,
        tlsDir,
        contexts,
        extendedHeaders,
        structuredReplies);
  }

  public NbdClientOptions withReadOnly(boolean value) {
    return new NbdClientOptions(
        connections,
        ioTimeout,
        connectTimeout,
        minBackoff,
        maxBackoff,
        replayLimit,
        value,
        tlsDir,
        contexts,
        extendedHeaders,
        structuredReplies);
  }

  public NbdClientOptions withTlsDir(@Nullable Path directory) {
    return new NbdClientOptions(
        connections,
        ioTimeout,
        connectTimeout,
        minBackoff,
        maxBackoff,
        replayLimit,
        readOnly,
        directory,
        contexts,
        extendedHeaders,
        structuredReplies);
  }

  /** Which of the two richer kinds of reply to ask for. */
  public NbdClientOptions withReplies(boolean extended, boolean structured) {
    return new NbdClientOptions(
        connections,
        ioTimeout,
        connectTimeout,
        minBackoff,
        maxBackoff,
        replayLimit,
        readOnly,
        tlsDir,
        contexts,
        extended,
        structured);
  }
}
