package dev.wherry.daemon;

import dev.wherry.daemon.api.Access;
import dev.wherry.daemon.api.ApiServer;
import dev.wherry.daemon.api.NbdUris;
import dev.wherry.daemon.config.Configuration;
import dev.wherry.daemon.metrics.NbdCollector;
import dev.wherry.daemon.metrics.ShareCollector;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** What the daemon has for operators: REST and metrics. Methods block. */
final class RestPart {
  private final Configuration config;
  private final ThreadPoolExecutor control = Pools.control();
  private final ThreadPoolExecutor reads = Pools.reads();
  private final ThreadPoolExecutor scrapes = Pools.metrics();
  private final ApiServer api;

  /** Puts it together; nobody can connect yet. */
  RestPart(Configuration config, Http http, ApiServer.Services services, NbdUris.Maker uris) {
    this.config = config;
    PrometheusRegistry metrics = http.metrics().getPrometheusRegistry();
    metrics.register(new NbdCollector(services.volumes()));
    metrics.register(new ShareCollector(services.volumes(), services.nodes()));
    api =
        new ApiServer(
            http.vertx(),
            new ApiServer.Threads(control, reads, scrapes),
            services,
            http.metrics(),
            uris,
            Access.of(config));
  }

  /**
   * Serves.
   *
   * @return HOST:PORT
   */
  String listen() {
    return config.api().withPort(Listening.port("api", config.api(), api.listen(config)));
  }

  /**
   * Ends connections, and what they asked for.
   *
   * @return true if nothing runs any more
   */
  boolean close() throws InterruptedException, ExecutionException, TimeoutException {
    api.close().get(5, TimeUnit.SECONDS);
    // What only looks may be dropped at any time.
    reads.shutdownNow();
    scrapes.shutdownNow();
    control.shutdown();
    return control.awaitTermination(10, TimeUnit.SECONDS);
  }
}
