package dev.wherry.daemon.api;

import io.vertx.core.Vertx;
import io.vertx.core.http.HttpConnection;
import io.vertx.core.http.HttpServerRequest;
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

  /** Requests that are being read or answered, by connection; the longest idle one first. */
  private final Map<HttpConnection, Integer> running = new LinkedHashMap<>();

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

  private synchronized @Nullable HttpConnection add(HttpConnection c) {
    HttpConnection surplus = null;
    if (running.size() >= most) {
      surplus =
          running.entrySet().stream()
              .filter(e -> e.getValue() == 0)
              .map(Map.Entry::getKey)
              .findFirst()
              .orElse(c);
      running.remove(surplus);
    }
    if (surplus != c) {
      running.put(c, 0);
    }
    return surplus;
  }

  private synchronized void closed(HttpConnection connection) {
    running.remove(connection);
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
    Integer n = running.remove(connection);
    if (n != null) {
      running.put(connection, Math.max(0, n + change));
    }
  }
}
