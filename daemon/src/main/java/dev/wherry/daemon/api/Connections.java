package dev.wherry.daemon.api;

import io.vertx.core.Vertx;
import io.vertx.core.http.HttpConnection;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.net.SocketAddress;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The connections of the HTTP server, bounded: they share the heap with the data path. One more
 * than there may be takes the place of the one that has been idle for longest, or is closed where
 * all are at work. Who sends a request must come to its end in time. Safe on any thread.
 */
final class Connections {
  private static final Logger log = LoggerFactory.getLogger(Connections.class);

  private final Vertx vertx;
  private final int most;
  private final long bodyMillis;

  /** By the client's address, as a request knows its connection; the longest idle one first. */
  private final Map<SocketAddress, Open> open = new LinkedHashMap<>();

  /**
   * @param running requests that are being read or answered
   */
  private record Open(HttpConnection connection, int running) {}

  /**
   * @param most connections at once
   * @param bodyMillis how long a request may take to arrive once its head is there
   */
  Connections(Vertx vertx, int most, long bodyMillis) {
    this.vertx = vertx;
    this.most = most;
    this.bodyMillis = bodyMillis;
  }

  /** For {@link io.vertx.core.http.HttpServer#connectionHandler}. */
  void opened(HttpConnection connection) {
    connection.closeHandler(v -> closed(connection));
    HttpConnection surplus = add(connection);
    if (surplus != null) {
      log.debug("an HTTP connection is closed: the limit is {}", most);
      // Not within the handler: there, Vert.x is not done with setting it up.
      vertx.runOnContext(v -> surplus.close());
    }
  }

  /** Returns the one that is to be closed to keep to the limit, if any. */
  private synchronized @Nullable HttpConnection add(HttpConnection c) {
    Open surplus = null;
    if (open.size() >= most) {
      surplus = open.values().stream().filter(o -> o.running == 0).findFirst().orElse(null);
      if (surplus == null) {
        return c;
      }
      open.remove(surplus.connection.remoteAddress());
    }
    open.put(c.remoteAddress(), new Open(c, 0));
    return surplus == null ? null : surplus.connection;
  }

  private synchronized void closed(HttpConnection connection) {
    Open o = open.get(connection.remoteAddress());
    if (o != null && o.connection == connection) {
      open.remove(connection.remoteAddress());
    }
  }

  /** For each request, before anything else sees it. */
  void began(HttpServerRequest request) {
    HttpConnection connection = request.connection();
    count(connection, 1);
    request.response().endHandler(v -> count(connection, -1));
    long timer =
        vertx.setTimer(
            bodyMillis,
            t -> {
              log.info(
                  "a request of {} did not end in {} ms", connection.remoteAddress(), bodyMillis);
              connection.close();
            });
    request.end().onComplete(v -> vertx.cancelTimer(timer));
  }

  private synchronized void count(HttpConnection connection, int change) {
    Open o = open.remove(connection.remoteAddress());
    if (o != null) {
      open.put(connection.remoteAddress(), new Open(o.connection, o.running + change));
    }
  }
}
