package dev.wherry.daemon;

import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.file.FileSystemOptions;
import io.vertx.micrometer.MetricsDomain;
import io.vertx.micrometer.MicrometerMetricsFactory;
import io.vertx.micrometer.MicrometerMetricsOptions;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Vert.x, small: one event loop for REST, few threads, no files; and the registry of metrics.
 *
 * @param metrics what /metrics shows
 */
public record Http(Vertx vertx, PrometheusMeterRegistry metrics) {
  /**
   * Vert.x labels these by what peers send, method and path as they are: whoever reaches the port
   * could fill the heap with them, and no token is asked for before that.
   */
  private static final Set<String> BY_REQUEST =
      Stream.of(
              MetricsDomain.HTTP_SERVER,
              MetricsDomain.HTTP_CLIENT,
              MetricsDomain.NET_SERVER,
              MetricsDomain.NET_CLIENT,
              MetricsDomain.DATAGRAM_SOCKET,
              MetricsDomain.EVENT_BUS)
          .map(MetricsDomain::toCategory)
          .collect(Collectors.toUnmodifiableSet());

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
                    .setMetricsOptions(
                        new MicrometerMetricsOptions()
                            .setEnabled(true)
                            .setDisabledMetricsCategories(BY_REQUEST)))
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
