package dev.wherry.daemon.api;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.wherry.daemon.Daemon;
import dev.wherry.daemon.DaemonRule;
import dev.wherry.nbd.NbdUri;
import dev.wherry.nbd.client.NbdClient;
import dev.wherry.nbd.client.NbdClientOptions;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.stream.Stream;

/** Several whole daemons in this process, and hosts that read and write at each. */
public final class Cluster implements AutoCloseable {
  static final Duration LIMIT = Duration.ofSeconds(90);

  private final Path dir;
  private final Map<String, Daemon> daemons = new LinkedHashMap<>();
  private final Map<String, String> links = new LinkedHashMap<>();
  private final Map<String, Rest> rests = new LinkedHashMap<>();
  private final EventLoopGroup loops =
      new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());

  Cluster(Path dir) {
    this.dir = dir;
  }

  /** Starts nodes that all know each other. */
  public static Cluster of(Path dir, String... names) {
    Cluster c = new Cluster(dir);
    for (String name : names) {
      c.start(name);
    }
    for (String a : names) {
      for (String b : names) {
        if (!a.equals(b)) {
          c.add(a, b);
        }
      }
    }
    c.connected();
    return c;
  }

  /** Waits until all that run reach each other. */
  void connected() {
    for (String a : daemons.keySet()) {
      for (String b : daemons.keySet()) {
        await().atMost(LIMIT).until(() -> state(a, b).equals("online"));
      }
    }
  }

  /** Waits until a node has noticed that another one has stopped. */
  void misses(String at, String other) {
    await().atMost(LIMIT).until(() -> !state(at, other).equals("online"));
  }

  /** What one node says of another one, or of itself. */
  private String state(String at, String of) {
    for (JsonNode n : rest(at).get("/api/v1/nodes").json()) {
      if (n.path("name").asText().equals(of)) {
        return n.path("state").asText();
      }
    }
    return "unknown";
  }

  void add(String at, String other) {
    Rest.Answer a =
        rest(at)
            .post("/api/v1/nodes", "{'name': '" + other + "', 'link': '" + links.get(other) + "'}");
    assertEquals(201, a.status(), a.text());
  }

  void start(String name, String... more) {
    Daemon d =
        DaemonRule.startNode(
            name, links.getOrDefault(name, "127.0.0.1:0"), dir.resolve(name), options(more));
    daemons.put(name, d);
    links.put(name, d.readyLine().replaceAll(".* link=", ""));
    rests.put(name, new Rest(d.apiAddress()));
  }

  /** Unless told, requests wait less long for other nodes than a stop waits for requests. */
  private static String[] options(String... more) {
    if (List.of(more).contains("--io-timeout")) {
      return more;
    }
    return Stream.concat(Stream.of("--io-timeout", "12s"), Stream.of(more)).toArray(String[]::new);
  }

  void stop(String name) {
    assertTrue(daemons.remove(name).stop(), "node " + name + " stops in order");
  }

  Path data(String name) {
    return dir.resolve(name);
  }

  public String link(String name) {
    return links.get(name);
  }

  Rest rest(String name) {
    return rests.get(name);
  }

  /** The volume as a node shows it. */
  JsonNode show(String node, String suid) {
    Rest.Answer a = rest(node).get("/api/v1/volumes/" + suid);
    assertEquals(200, a.status(), a.text());
    return a.json();
  }

  Rest.Answer act(String node, String suid, String action, String body) {
    return rest(node).post("/api/v1/volumes/" + suid + "/" + action, body);
  }

  /** An action that succeeds. */
  JsonNode done(String node, String suid, String action, String body) {
    Rest.Answer a = act(node, suid, action, body);
    assertEquals(200, a.status(), a.text());
    return a.json();
  }

  /** An action that is refused, and why. */
  String refused(int status, String node, String suid, String action, String body) {
    Rest.Answer a = act(node, suid, action, body);
    assertEquals(status, a.status(), a.text());
    return a.json().path("detail").asText();
  }

  /** Where REST is, for the command line. */
  public String api(String node) {
    return "http://" + daemons.get(node).apiAddress();
  }

  void create(String node, String body) {
    Rest.Answer a = rest(node).post("/api/v1/volumes", body);
    assertEquals(201, a.status(), a.text());
  }

  /** Waits until the volume is as it should be. */
  void becomes(String node, String suid, Predicate<JsonNode> condition) {
    await()
        .atMost(LIMIT)
        .pollInterval(Duration.ofMillis(20))
        .until(() -> condition.test(show(node, suid)));
  }

  // ------------------------------------------------------------------ hosts

  NbdClient host(String node, String suid) {
    return host(node, suid, NbdClientOptions.DEFAULTS);
  }

  NbdClient host(String node, String suid, NbdClientOptions options) {
    NbdUri uri = NbdUri.parse("nbd://127.0.0.1:" + daemons.get(node).nbdPort() + "/" + suid);
    return join(NbdClient.connect(uri, options.withIoTimeout(Duration.ofSeconds(60)), loops));
  }

  static <T> T join(CompletableFuture<T> f) {
    return f.orTimeout(LIMIT.toSeconds(), TimeUnit.SECONDS).join();
  }

  static void write(NbdClient host, long offset, byte[] data) {
    ByteBuf b = Unpooled.wrappedBuffer(data);
    join(host.write(offset, b, 0));
    b.release();
  }

  static byte[] read(NbdClient host, long offset, int length) {
    ByteBuf b = join(host.read(offset, length));
    byte[] data = ByteBufUtil.getBytes(b);
    b.release();
    return data;
  }

  @Override
  public void close() {
    boolean clean = true;
    for (Daemon d : daemons.values()) {
      clean &= d.stop();
    }
    loops.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly(3000);
    assertTrue(clean, "all nodes stop in order");
  }
}
