package dev.wherry.daemon.api;

import dev.wherry.daemon.config.Configuration;
import dev.wherry.daemon.node.NodeRegistry;
import dev.wherry.daemon.share.PartsOfNode;
import dev.wherry.daemon.volume.VolumeRegistry;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.vertx.core.Vertx;
import io.vertx.core.http.ClientAuth;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.net.PemKeyCertOptions;
import io.vertx.core.net.PemTrustOptions;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import io.vertx.ext.web.handler.BodyHandler;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/** The HTTP server: REST, metrics, health. */
public final class ApiServer {
  static final String ROOT = "/api/v1";
  private static final long MOST_BODY_BYTES = 64 << 10;
  private static final int MOST_CONNECTIONS = 64;
  private static final long BODY_MILLIS = 10_000;

  private static final Set<HttpMethod> METHODS =
      Set.of(
          HttpMethod.GET,
          HttpMethod.HEAD,
          HttpMethod.POST,
          HttpMethod.PUT,
          HttpMethod.PATCH,
          HttpMethod.DELETE,
          HttpMethod.OPTIONS);

  /**
   * What REST is about.
   *
   * @param ready true while the daemon serves
   */
  public record Services(
      VolumeRegistry volumes, NodeRegistry nodes, PartsOfNode parts, BooleanSupplier ready) {}

  /**
   * Who does the work.
   *
   * @param control what may take long: changes, maps
   * @param reads what never waits for anything; nothing else may hold it up
   * @param metrics one scrape at a time
   */
  public record Threads(Executor control, Executor reads, Executor metrics) {}

  private final Router router;
  private final Vertx vertx;
  private @Nullable HttpServer server;

  public ApiServer(
      Vertx vertx,
      Threads threads,
      Services services,
      PrometheusMeterRegistry metrics,
      NbdUris.Maker uris,
      Access access) {
    this.vertx = vertx;
    this.router = Router.router(vertx);
    Answers reads = new Answers(threads.reads());
    router.route().handler(ApiServer::checkMethod);
    router.route().handler(access::check);
    router.route().handler(BodyHandler.create(false).setBodyLimit(MOST_BODY_BYTES));
    String node = services.nodes().self().name();
    new VolumeRoutes(
            services.volumes(), services.parts(), new Answers(threads.control()), reads, node, uris)
        .mount(router);
    new NodeRoutes(services.nodes(), services.ready(), new Answers(threads.control()), reads)
        .mount(router);
    router.get(ROOT + "/openapi.json").handler(ApiServer::openApi);
    router.get("/health/live").handler(r -> health(r, true));
    router.get("/health/ready").handler(r -> health(r, services.ready().getAsBoolean()));
    router.get("/metrics").handler(new Scrape(metrics, threads.metrics())::handle);
    for (int status : new int[] {400, 404, 405, 413, 500}) {
      router.errorHandler(status, r -> failed(r, status));
    }
  }

  /** All routes, for the test that holds them against the OpenAPI document. */
  Router router() {
    return router;
  }

  /** Listens; the future has the real port. Safe on any thread. */
  public CompletableFuture<Integer> listen(Configuration config) {
    HttpServerOptions options =
        new HttpServerOptions().setIdleTimeout(120).setHttp2ClearTextEnabled(false);
    Path tls = config.tlsDir();
    if (config.apiTls() && tls != null) {
      options
          .setSsl(true)
          .setUseAlpn(false)
          .setEnabledSecureTransportProtocols(Set.of("TLSv1.3"))
          .setKeyCertOptions(
              new PemKeyCertOptions()
                  .addCertPath(tls.resolve("server-cert.pem").toString())
                  .addKeyPath(tls.resolve("server-key.pem").toString()))
          .setTrustOptions(new PemTrustOptions().addCertPath(tls.resolve("ca-cert.pem").toString()))
          .setClientAuth(ClientAuth.REQUIRED);
    }
    Connections connections = new Connections(vertx, MOST_CONNECTIONS, BODY_MILLIS);
    HttpServer s =
        vertx
            .createHttpServer(options)
            .connectionHandler(connections::opened)
            .requestHandler(
                r -> {
                  connections.began(r);
                  router.handle(r);
                });
    server = s;
    return s.listen(
            config.api().address().getPort(), config.api().address().getAddress().getHostAddress())
        .map(HttpServer::actualPort)
        .toCompletionStage()
        .toCompletableFuture();
  }

  /** Takes no more requests. */
  public CompletableFuture<Void> close() {
    HttpServer s = server;
    return s == null
        ? CompletableFuture.completedFuture(null)
        : s.close().toCompletionStage().toCompletableFuture();
  }

  /** What is no method of HTTP goes no further, before anything is done or remembered for it. */
  private static void checkMethod(RoutingContext r) {
    if (METHODS.contains(r.request().method())) {
      r.next();
    } else {
      r.response().putHeader("connection", "close");
      Answers.problem(r, Problem.of(501, "there is no such method"));
    }
  }

  private static void health(RoutingContext r, boolean up) {
    Answers.send(
        r, up ? 200 : 503, "application/json", Json.write(Map.of("status", up ? "UP" : "DOWN")));
  }

  private static void openApi(RoutingContext r) {
    try (InputStream in = ApiServer.class.getResourceAsStream("openapi.json")) {
      if (in == null) {
        r.fail(404);
        return;
      }
      Answers.send(r, 200, "application/json", in.readAllBytes());
    } catch (IOException e) {
      r.fail(e);
    }
  }

  private static void failed(RoutingContext r, int status) {
    String path = r.request().path();
    Answers.problem(
        r,
        Problem.of(
            status,
            switch (status) {
              case 404 -> "there is nothing at " + path;
              case 405 -> r.request().method() + " is not possible at " + path;
              case 413 -> "the body is longer than " + MOST_BODY_BYTES + " bytes";
              case 400 -> "the request is malformed";
              default -> "internal error";
            }));
  }
}
