package dev.wherry.daemon.api;

import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.vertx.core.Future;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.ext.web.RoutingContext;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.io.OutputStream;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * {@code /metrics}: the text goes out piece by piece, at the pace of the reader, and never is in
 * memory as a whole.
 */
final class Scrape {
  private static final Logger log = LoggerFactory.getLogger(Scrape.class);
  private static final int PIECE = 32 << 10;
  private static final long MOST_SECONDS = 30;

  private final PrometheusMeterRegistry metrics;
  private final Executor thread;

  /**
   * @param thread runs one scrape at a time and refuses when more than a few wait
   */
  Scrape(PrometheusMeterRegistry metrics, Executor thread) {
    this.metrics = metrics;
    this.thread = thread;
  }

  void handle(RoutingContext r) {
    try {
      thread.execute(() -> write(r));
    } catch (RejectedExecutionException e) {
      Answers.problem(r, Problem.of(503, "others read the metrics, or the daemon is going down"));
    }
  }

  private void write(RoutingContext r) {
    HttpServerResponse response = r.response();
    if (response.closed()) {
      return;
    }
    response
        .setStatusCode(200)
        .putHeader("content-type", "text/plain; version=0.0.4; charset=utf-8");
    if (r.request().method().equals(HttpMethod.HEAD)) {
      response.end();
      return;
    }
    response.setChunked(true);
    Pieces pieces = new Pieces(response);
    try {
      OutputStream out = new BufferedOutputStream(pieces, PIECE);
      metrics.scrape(out);
      out.flush();
      pieces.end();
    } catch (IOException | RuntimeException e) {
      log.info("the metrics were not read to their end: {}", e.toString());
      r.request().connection().close();
    }
  }

  /** Each piece waits until the one before it is with the kernel. */
  private static final class Pieces extends OutputStream {
    private final HttpServerResponse response;
    private final long limit = System.nanoTime() + TimeUnit.SECONDS.toNanos(MOST_SECONDS);

    Pieces(HttpServerResponse response) {
      this.response = response;
    }

    @Override
    public void write(int b) throws IOException {
      write(new byte[] {(byte) b}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
      if (length > 0) {
        await(response.write(Buffer.buffer().appendBytes(bytes, offset, length)));
      }
    }

    /** Only what is whole is ended: the reader can tell. */
    void end() throws IOException {
      await(response.end());
    }

    private void await(Future<Void> written) throws IOException {
      try {
        written
            .toCompletionStage()
            .toCompletableFuture()
            .get(limit - System.nanoTime(), TimeUnit.NANOSECONDS);
      } catch (ExecutionException e) {
        throw new IOException("the reader is gone", e.getCause());
      } catch (TimeoutException e) {
        throw new IOException("the reader took longer than " + MOST_SECONDS + " s", e);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw (IOException) new InterruptedIOException().initCause(e);
      }
    }
  }
}
