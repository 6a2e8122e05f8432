package dev.wherry.daemon.api;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;

import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerRequest;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(120)
final class ConnectionsTest {
  private final Vertx vertx = Vertx.vertx();
  private final List<Socket> clients = new ArrayList<>();

  /** Requests for /held, which are not answered. */
  private final BlockingQueue<HttpServerRequest> held = new LinkedBlockingQueue<>();

  private int port;

  private void serve(int most, long bodyMillis) {
    Connections connections = new Connections(vertx, most, bodyMillis);
    port =
        vertx
            .createHttpServer()
            .connectionHandler(connections::opened)
            .requestHandler(
                r -> {
                  connections.began(r);
                  if (r.path().equals("/held")) {
                    held.add(r);
                  } else {
                    r.endHandler(v -> r.response().end());
                  }
                })
            .listen(0, "127.0.0.1")
            .map(HttpServer::actualPort)
            .toCompletionStage()
            .toCompletableFuture()
            .join();
  }

  private Socket connect() throws IOException {
    Socket s = new Socket(InetAddress.getLoopbackAddress(), port);
    s.setSoTimeout(60_000);
    clients.add(s);
    return s;
  }

  private static void send(Socket s, String text) throws IOException {
    s.getOutputStream().write(text.getBytes(US_ASCII));
  }

  private static String get(String path) {
    return "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
  }

  private static void assertAnswered(Socket s) throws IOException {
    send(s, get("/"));
    StringBuilder answer = new StringBuilder();
    while (answer.indexOf("\r\n\r\n") < 0) {
      int c = s.getInputStream().read();
      assertNotEquals(-1, c, "the end after '" + answer + "'");
      answer.append((char) c);
    }
  }

  @AfterEach
  void close() throws IOException {
    for (Socket s : clients) {
      s.close();
    }
    vertx.close().toCompletionStage().toCompletableFuture().join();
  }

  @Test
  void silentConnectionsLockNobodyOut() throws IOException {
    serve(2, 60_000);
    Socket first = connect();
    assertAnswered(first);
    Socket second = connect();
    assertAnswered(second);
    assertAnswered(connect());
    assertEquals(-1, first.getInputStream().read());
    assertAnswered(second);
  }

  @Test
  void aBodyThatDoesNotEndIsCut() throws IOException {
    serve(2, 200);
    Socket s = connect();
    send(s, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900000\r\n\r\n{");
    assertEquals(-1, s.getInputStream().read());
  }

  @Test
  void aConnectionAtWorkIsNotTheOneThatMakesRoom() throws Exception {
    serve(2, 60_000);
    Socket busy = connect();
    send(busy, get("/held"));
    HttpServerRequest request = held.poll(60, TimeUnit.SECONDS);
    assertNotNull(request);
    Socket idle = connect();
    assertAnswered(idle);
    assertAnswered(connect());
    assertEquals(-1, idle.getInputStream().read());
    vertx.runOnContext(v -> request.response().end());
    assertNotEquals(-1, busy.getInputStream().read());
  }
}
