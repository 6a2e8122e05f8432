package dev.wherry.nbd.server;

/**
 * What a server may use. All limits are kept by back-pressure (a connection is not read) except the
 * two on connections.
 *
 * @param connections connections at once; one more is closed at once. On TCP at most half of them
 *     may still negotiate, where the oldest of these makes room for another, and one in 64 is left
 *     to unix sockets
 * @param negotiationMillis time to get from connect to transmission
 * @param requestsPerConnection requests in flight on one connection
 * @param bytesPerConnection payload bytes in flight on one connection
 * @param bytesPerExport payload bytes in flight on one export
 * @param bytesTotal payload bytes in flight in the server; at least 64 MiB more than nothing else
 *     uses, so that the largest request fits
 * @param stallMillis under pressure, a connection that holds payload memory and makes no progress
 *     for this long is dropped
 */
public record ServerLimits(
    int connections,
    int negotiationMillis,
    int requestsPerConnection,
    int bytesPerConnection,
    int bytesPerExport,
    int bytesTotal,
    int stallMillis) {
  public static final ServerLimits DEFAULT =
      new ServerLimits(1024, 10_000, 256, 64 << 20, 128 << 20, 192 << 20, 2_000);
}
