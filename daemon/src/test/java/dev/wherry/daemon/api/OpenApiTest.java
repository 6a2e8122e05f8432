package dev.wherry.daemon.api;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.vertx.core.Vertx;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.Locale;
import java.util.SortedSet;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class OpenApiTest {
  @TempDir Path dir;

  @Test
  void everyRouteIsInTheDocumentAndNothingElse() throws IOException {
    Vertx vertx = Vertx.vertx();
    try {
      ApiServer server =
          new ApiServer(
              vertx,
              new ApiServer.Threads(Runnable::run, Runnable::run, Runnable::run),
              ServicesFactory.empty(dir, new UnreachableNodes()),
              new PrometheusMeterRegistry(PrometheusConfig.DEFAULT),
              new NbdUris.Maker("h:1", false, dir),
              new Access(null, null));
      SortedSet<String> routes = new TreeSet<>();
      server
          .router()
          .getRoutes()
          .forEach(
              r -> {
                if (r.methods() != null) {
                  String path = r.getPath().replaceAll(":([a-z]+)", "{$1}");
                  r.methods().forEach(m -> routes.add(m + " " + path));
                }
              });
      assertEquals(documented(), routes);
    } finally {
      vertx.close().toCompletionStage().toCompletableFuture().join();
    }
  }

  private static SortedSet<String> documented() throws IOException {
    SortedSet<String> found = new TreeSet<>();
    try (InputStream in = ApiServer.class.getResourceAsStream("openapi.json")) {
      JsonNode document = new JsonMapper().readTree(in);
      assertEquals("3.1.0", document.path("openapi").asText());
      document
          .path("paths")
          .properties()
          .forEach(
              p ->
                  p.getValue()
                      .fieldNames()
                      .forEachRemaining(
                          m -> found.add(m.toUpperCase(Locale.ROOT) + " " + p.getKey())));
    }
    return found;
  }
}
