package dev.wherry.daemon.api;

import dev.wherry.daemon.volume.Refusal;
import io.vertx.core.Context;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.ext.web.RoutingContext;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Runs what a route does on threads that may block, and answers on the event loop. */
final class Answers {
  /** What a route does; what it returns is the body, null for none. */
  interface Action {
    Object run(RoutingContext request) throws Exception;
  }

  private static final Logger log = LoggerFactory.getLogger(Answers.class);

  private final Executor threads;

  Answers(Executor threads) {
    this.threads = threads;
  }

  /**
   * Handles a request.
   *
   * @param status of success
   */
  void run(RoutingContext request, int status, Action action) {
    Context loop = Vertx.currentContext();
    try {
      threads.execute(
          () -> {
            try {
              Object body = action.run(request);
              byte[] bytes = Json.write(body);
              loop.runOnContext(v -> send(request, status, "application/json", bytes));
            } catch (Refusal e) {
              loop.runOnContext(v -> problem(request, Problem.of(e)));
            } catch (Exception | Error e) {
              log.error("{} {} failed", request.request().method(), request.request().path(), e);
              loop.runOnContext(v -> problem(request, Problem.of(500, "internal error: " + e)));
            }
          });
    } catch (RejectedExecutionException e) {
      problem(request, Problem.of(503, "too many requests wait, or the daemon is going down"));
    }
  }

  static void problem(RoutingContext request, Problem problem) {
    send(request, problem.status(), Problem.MEDIA_TYPE, Json.write(problem));
  }

  static void send(RoutingContext request, int status, String type, byte[] body) {
    if (request.response().ended() || request.response().closed()) {
      return;
    }
    request.response().setStatusCode(status);
    if (status == 204) {
      request.response().end();
    } else {
      request.response().putHeader("content-type", type).end(Buffer.buffer(body));
    }
  }
}
