package dev.wherry.path.shared;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.nbd.NbdException;
import dev.wherry.path.BlockDevice;
import dev.wherry.path.ReadPolicies;
import dev.wherry.path.TestPolicies;
import dev.wherry.path.link.LinkReply;
import dev.wherry.path.link.LinkRequest;
import dev.wherry.path.link.Op;
import dev.wherry.path.link.Priority;
import dev.wherry.path.map.BlockMap;
import dev.wherry.path.move.VirtualTime;
import io.netty.buffer.ByteBuf;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Nodes that have parts of one volume, in one thread and a time of their own: nothing happens but
 * in {@link #await} and {@link #pass}.
 */
final class Nodes implements AutoCloseable {
  static final String SUID = "v";
  static final int BLOCK = 16_384;
  static final int BLOCKS = 32;
  static final int SIZE = BLOCK * BLOCKS - 10_000;
  static final Duration IO_TIMEOUT = Duration.ofSeconds(30);

  final VirtualTime time = new VirtualTime();
  final Wire wire =
      new Wire(
          time,
          new Wire.Service() {
            @Override
            public @Nullable CompletableFuture<LinkReply> serve(
                String from, String to, LinkRequest r, Priority p) {
              return Nodes.this.serve(from, to, r, p);
            }

            @Override
            public boolean runs(String name) {
              Node node = nodes.get(name);
              return node != null && node.volume != null;
            }
          });
  private final Path directory;
  private final String policy;
  private final boolean manual;
  private final ReadPolicies known;
  private final Map<String, Node> nodes = new LinkedHashMap<>();

  /** A node's part: what lies on its disks, and the engine while its daemon runs. */
  final class Node {
    final String name;
    final Disk disk = new Disk(SIZE);
    final Memory memory;
    private @Nullable SharedVolume volume;
    private int boots;

    /** Those that its daemon finds when it starts. */
    ReadPolicies readPolicies = known;

    /** Opens the server that it has as a source. */
    Function<String, CompletableFuture<Source>> servers =
        uri -> CompletableFuture.failedFuture(new IOException("no server " + uri));

    /** Where it keeps batches, from its next start on; null: it takes none. */
    @Nullable BatchLog batches;

    Node(String name) throws IOException {
      this.name = name;
      this.memory = new Memory(Files.createDirectory(directory.resolve(name)), BLOCK, SIZE);
    }

    SharedVolume volume() {
      SharedVolume v = volume;
      if (v == null) {
        throw new IllegalStateException("node " + name + " does not run");
      }
      return v;
    }

    ShareState state() {
      return volume().state();
    }

    private void open(ShareState first, @Nullable BlockMap map) {
      disk.reopen();
      volume =
          SharedVolume.open(
              new Parts(
                  SUID,
                  name,
                  first.hasStore() ? disk : null,
                  SIZE,
                  BLOCK,
                  map,
                  wire.of(name, Set.of("a", "b", "c")),
                  readPolicies,
                  servers,
                  memory,
                  time,
                  time::now,
                  IO_TIMEOUT,
                  Following.with(batches),
                  "boot " + boots,
                  new Unflushed()),
              first);
      wire.goOn();
    }

    /** The daemon ends. */
    void stop() {
      CompletableFuture<Void> closed = volume().close();
      volume = null;
      await(closed);
    }

    /** The daemon dies; what it wrote is in the page cache. */
    void crash() {
      memory.fail(true);
      stop();
      memory.fail(false);
    }

    /** So does the machine: what was neither flushed nor forced is lost. */
    void losePower() {
      disk.cutPower();
      memory.cutPower();
      crash();
      disk.restorePower();
      memory.restorePower();
      boots++;
    }

    /** The machine is started anew, in peace. */
    void reboot() {
      stop();
      boots++;
      start();
    }

    /** The daemon starts, with what is remembered. */
    void start() {
      ShareState s = memory.state();
      open(s, memory.open(s.map(), disk));
    }

    // ---- what hosts of this node do

    byte[] read(long offset, int length) {
      return Bytes.take(await(volume().read(offset, length)));
    }

    void write(long offset, byte[] bytes) {
      await(volume().write(offset, Bytes.lend(bytes), 0));
    }

    /** The whole volume reads as this. */
    void expect(byte[] all) {
      assertArrayEquals(all, read(0, SIZE), "on node " + name);
    }

    // ---- what operators do

    void activate() {
      await(volume().activate(false));
    }

    @Nullable BlockDevice release() {
      return await(volume().release());
    }
  }

  Nodes(Path directory, String policy, boolean manual) {
    this(directory, policy, manual, TestPolicies.SHIPPED);
  }

  Nodes(Path directory, String policy, boolean manual, ReadPolicies known) {
    this.directory = directory;
    this.policy = policy;
    this.manual = manual;
    this.known = known;
  }

  private @Nullable CompletableFuture<LinkReply> serve(
      String from, String to, LinkRequest request, Priority priority) {
    Node node = nodes.get(to);
    SharedVolume v = node == null ? null : node.volume;
    return v == null ? null : v.serve(from, request, priority);
  }

  private Node add(String name) {
    try {
      Node node = new Node(name);
      nodes.put(name, node);
      return node;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A node that owns the volume, with this content. */
  Node owner(String name, byte[] content) {
    Node node = add(name);
    node.disk.put(0, content);
    ShareState s =
        ShareState.alone(name).withPolicies(policy, WritePolicy.LOCAL, List.of(), manual);
    node.memory.put(s).join();
    node.open(s, null);
    return node;
  }

  /** A standby, as the daemon makes one at SHARE. Its disk is full of what must never be seen. */
  Node share(Node owner, String name) {
    Node node = add(name);
    node.disk.put(0, Bytes.of(666, SIZE));
    return shareAgain(owner, node);
  }

  /** A node that had a part before gets one again. */
  Node shareAgain(Node owner, Node node) {
    await(owner.volume().members().join(node.name));
    ShareState o = owner.state();
    long map = o.epoch() + 1000;
    ShareState s =
        ShareState.standby(o.owner(), o.epoch(), map)
            .withPolicies(policy, WritePolicy.LOCAL, List.of(), manual);
    BlockMap made = node.memory.create(map, BlockMap.NOT_HERE).join();
    node.memory.put(s).join();
    node.open(s, made);
    return node;
  }

  /** Lets time go on until it is done; no longer than an hour. */
  <T> T await(CompletableFuture<T> what) {
    return time.await(what);
  }

  /** Lets time go on until it fails, and says why. */
  Throwable failure(CompletableFuture<?> what) {
    return Failures.causeOf(assertThrows(CompletionException.class, () -> await(what)));
  }

  /** Why a request of an operator was refused. */
  String refusal(CompletableFuture<?> what) {
    Throwable t = failure(what);
    assertTrue(t instanceof ShareException, () -> "not a refusal: " + t);
    return String.valueOf(t.getMessage());
  }

  NbdException error(CompletableFuture<?> what) {
    return (NbdException) failure(what);
  }

  void pass(Duration d) {
    time.pass(d.toNanos());
  }

  /** Two nodes that were cut from each other hear each other again. */
  void mend(Node one, Node other) {
    wire.mend(one.name, other.name);
    one.volume().up(other.name);
    other.volume().up(one.name);
    pass(Duration.ofSeconds(5));
  }

  /** Tells a node who owns the volume, as another one does when they meet. */
  void tell(Node from, Node to, String owner, long epoch) {
    byte[] name = owner.getBytes(StandardCharsets.UTF_8);
    call(from, to, request(Op.SYNC, epoch).withPayload(Bytes.lend(name)));
  }

  /** Asks a node something that no engine would. */
  LinkReply call(Node from, Node to, LinkRequest request) {
    LinkReply reply = await(wire.call(from.name, to.name, request, Priority.CONTROL, IO_TIMEOUT));
    reply.payload().release();
    return reply;
  }

  static LinkRequest request(Op op, long epoch) {
    return LinkRequest.of(op, SUID, epoch, 0, 0);
  }

  /** What a taker says of itself that was sent nothing ahead. */
  static ByteBuf asked() {
    return Bytes.lend(new byte[16]);
  }

  @Override
  public void close() {
    wire.passAnswers();
    nodes.values().stream().filter(n -> n.volume != null).forEach(Node::stop);
    pass(Duration.ofMinutes(2)); // what waits for an answer gives up
    nodes.values().forEach(n -> n.disk.free());
  }
}
