package dev.wherry.daemon;

import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.file.FileSystemOptions;
import io.vertx.micrometer.MicrometerMetricsFactory;
import io.vertx.micrometer.MicrometerMetricsOptions;
import java.util.concurrent.CompletableFuture;

/**
 * Vert.x, small: one event loop for REST, few threads, no files; and the registry of metrics.
 *
 * @param metrics what /metrics shows
 */
public record Http(Vertx vertx, PrometheusMeterRegistry metrics) {
  static Http start() {
    PrometheusMeterRegistry metrics = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    Vertx vertx =
        Vertx.builder()
            .with(
                new VertxOptions()
                    .setEventLoopPoolSize(1)
                    .setWorkerPoolSize(2)
                    .setInternalBlockingPoolSize(2)
                    .setPreferNativeTransport(false)
                    .setFileSystemOptions(
                        new FileSystemOptions()
                            .setClassPathResolvingEnabled(false)
                            .setFileCachingEnabled(false))
                    .setMetricsOptions(new MicrometerMetricsOptions().setEnabled(true)))
            .withMetrics(new MicrometerMetricsFactory(metrics))
            .build();
    return new Http(vertx, metrics);
  }

  CompletableFuture<Void> close() {
    return vertx
        .close()
        .toCompletionStage()
        .toCompletableFuture()
        .whenComplete((v, t) -> metrics.close());
  }
}
