package dev.wherry.nbd.server;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.wherry.nbd.ExportInfo;
import dev.wherry.nbd.FileSlice;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.nio.NioIoHandler;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.awaitility.Awaitility;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.ValueSource;

/** What only real sockets show, on both transports. */
@ParameterizedClass
@ValueSource(booleans = {true, false})
@Timeout(120)
class SocketTest {
  private static final int SIZE = 16 << 20;

  /** Longer than a client that means well is kept from running. */
  private static final int STALL_MILLIS = 2_000;

  @Parameter boolean epoll;
  @TempDir Path dir;
  private EventLoopGroup group = new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
  private MapDirectory directory = new MapDirectory();
  private @Nullable NbdServer server;
  private final List<SocketChannel> clients = new ArrayList<>();

  @BeforeEach
  void makeGroup() {
    group.shutdownGracefully(0, 0, TimeUnit.SECONDS);
    group =
        new MultiThreadIoEventLoopGroup(
            2, epoll ? EpollIoHandler.newFactory() : NioIoHandler.newFactory());
  }

  @AfterEach
  void nothingIsLeft() throws Exception {
    for (SocketChannel c : clients) {
      c.close();
    }
    NbdServer s = started();
    s.shutdown(5_000).get(60, TimeUnit.SECONDS);
    Awaitility.await().until(() -> directory.open.get() == 0 && s.connections() == 0);
    assertEquals(0, s.bytesInFlight());
    group.shutdownGracefully(0, 5, TimeUnit.SECONDS).sync();
  }

  private NbdServer started() {
    NbdServer s = server;
    if (s == null) {
      throw new IllegalStateException("no server was started");
    }
    return s;
  }

  private NbdServer start(ServerLimits limits) throws Exception {
    NbdServer s = NbdServer.create(new NbdServerOptions(group, directory, limits, null, 0));
    server = s;
    s.listenUnix(dir.resolve("nbd.sock"), null).get(60, TimeUnit.SECONDS);
    return s;
  }

  private SocketChannel connect() throws IOException {
    SocketChannel c = SocketChannel.open(UnixDomainSocketAddress.of(dir.resolve("nbd.sock")));
    clients.add(c);
    return c;
  }

  private SocketChannel attach(String export) throws IOException {
    SocketChannel c = connect();
    // Size and flags, and no zeroes.
    write(c, new Script().flags().option(1, Script.utf8(export)));
    read(c, 18 + 10);
    return c;
  }

  private static void write(SocketChannel c, Script script) throws IOException {
    ByteBuffer b = ByteBuffer.wrap(script.bytes());
    while (b.hasRemaining()) {
      c.write(b);
    }
  }

  private static byte[] read(SocketChannel c, int n) throws IOException {
    ByteBuffer b = ByteBuffer.allocate(n);
    while (b.hasRemaining()) {
      if (c.read(b) < 0) {
        throw new IOException("end of stream after " + b.position() + " of " + n + " bytes");
      }
    }
    return b.array();
  }

  /** A file whose reads go through sendfile. */
  private static final class FileExport extends MemoryExport {
    final FileChannel file;
    final AtomicInteger slices = new AtomicInteger();
    final AtomicInteger sent = new AtomicInteger();

    FileExport(Path path, byte[] content) throws IOException {
      super(ExportInfo.of(content.length), false);
      Files.write(path, content);
      file = FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE);
    }

    @Override
    public FileSlice trySend(long offset, int length) {
      slices.incrementAndGet();
      sent.incrementAndGet();
      return new FileSlice(file, offset, length, slices::decrementAndGet);
    }

    void overwrite() {
      try {
        file.write(ByteBuffer.allocate(SIZE), 0);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  private FileExport fileExport() throws IOException {
    byte[] content = new byte[SIZE];
    new Random(5).nextBytes(content);
    FileExport export = new FileExport(dir.resolve("disk"), content);
    directory.exports.put("disk", export);
    return export;
  }

  @Test
  void repliesThatWereDetachedBringTheOldBytesThoughTheFileHasChanged() throws Exception {
    FileExport export = fileExport();
    byte[] content = Files.readAllBytes(dir.resolve("disk"));
    start(ServerLimits.DEFAULT);
    SocketChannel c = attach("disk");
    Script s = new Script();
    for (int i = 0; i < 4; i++) {
      s.read(i, i << 20, 1 << 20);
    }
    write(c, s);
    Awaitility.await().until(() -> export.sent.get() == 4);
    // Nobody reads: some is in the socket, most in the file.
    directory.connections.get(0).detachReplies().get(60, TimeUnit.SECONDS);
    export.overwrite();
    for (int i = 0; i < 4; i++) {
      ByteBuffer head = ByteBuffer.wrap(read(c, 16));
      assertEquals(i, head.getLong(8));
      byte[] expected = java.util.Arrays.copyOfRange(content, i << 20, (i + 1) << 20);
      byte[] got = read(c, 1 << 20);
      if (i > 0) {
        // Of the first the socket holds a part, by reference to the page cache: sendfile(2).
        assertArrayEquals(expected, got);
      }
    }
    Awaitility.await().until(() -> export.slices.get() == 0);
    export.file.close();
  }

  @Test
  void repliesThatWereDetachedBringTheOldBytesThoughTheFileIsGone() throws Exception {
    FileExport export = fileExport();
    byte[] content = Files.readAllBytes(dir.resolve("disk"));
    start(ServerLimits.DEFAULT);
    SocketChannel c = attach("disk");
    write(c, new Script().read(1, 0, 2 << 20).read(2, 2 << 20, 4 << 20));
    Awaitility.await().until(() -> export.sent.get() == 2);
    directory.connections.get(0).detachReplies().get(60, TimeUnit.SECONDS);
    export.file.truncate(0);
    read(c, 16);
    assertArrayEquals(java.util.Arrays.copyOf(content, 2 << 20), read(c, 2 << 20));
    read(c, 16);
    assertArrayEquals(java.util.Arrays.copyOfRange(content, 2 << 20, 6 << 20), read(c, 4 << 20));
    Awaitility.await().until(() -> export.slices.get() == 0);
    export.file.close();
  }

  @Test
  void disconnectBehindASendfileThatIsNotReadYetStillEndsTheConnection() throws Exception {
    FileExport export = fileExport();
    start(ServerLimits.DEFAULT);
    SocketChannel c = attach("disk");
    write(c, new Script().read(1, 0, 4 << 20).disc());
    Awaitility.await().until(() -> export.sent.get() == 1);
    read(c, 16 + (4 << 20));
    assertEquals(-1, c.read(ByteBuffer.allocate(1)));
    Awaitility.await().until(() -> directory.open.get() == 0 && export.slices.get() == 0);
    export.file.close();
  }

  @Test
  void aResetInTheMiddleOfASendfileLetsGoOfTheFile() throws Exception {
    FileExport export = fileExport();
    start(ServerLimits.DEFAULT);
    SocketChannel c = attach("disk");
    write(c, new Script().read(1, 0, 4 << 20).read(2, 0, 4 << 20).read(3, 0, 100));
    Awaitility.await().until(() -> export.sent.get() == 2);
    c.close();
    Awaitility.await().until(() -> export.slices.get() == 0 && directory.open.get() == 0);
    export.file.close();
  }

  @Test
  void aPeerThatHoldsMemoryAndStallsIsDroppedUnderPressureAndOthersProceed() throws Exception {
    directory.exports.put("disk", new MemoryExport(SIZE));
    start(new ServerLimits(1024, 10_000, 256, 64 << 20, 128 << 20, 4 << 20, STALL_MILLIS));
    SocketChannel[] stalled = new SocketChannel[3];
    for (int i = 0; i < stalled.length; i++) {
      stalled[i] = attach("disk");
      write(stalled[i], new Script().request(1, 0, i, 0, 4 << 20).raw(new byte[2 << 20]));
    }
    Awaitility.await().until(() -> started().bytesInFlight() >= 4 << 20);
    SocketChannel healthy = attach("disk");
    write(healthy, new Script().write(9, 0, new byte[1 << 20]));
    assertEquals(9, ByteBuffer.wrap(read(healthy, 16)).getLong(8));
    write(healthy, new Script().read(10, 0, 4));
    assertEquals(10, ByteBuffer.wrap(read(healthy, 20)).getLong(8));
    Awaitility.await("stalled connections are dropped").until(() -> started().connections() < 4);
  }

  @Test
  void peersThatLeaveALittleUnreadAreDroppedUnderPressure() throws Exception {
    MemoryExport disk = new MemoryExport(SIZE);
    new Random(1).nextBytes(disk.bytes);
    directory.exports.put("disk", disk);
    start(new ServerLimits(1024, 10_000, 256, 64 << 20, 128 << 20, 4 << 20, STALL_MILLIS));
    for (int i = 0; i < 2; i++) {
      // More than a socket takes, and less than what makes the channel unwritable.
      write(attach("disk"), new Script().read(i, 0, 1500 << 10));
    }
    Awaitility.await().until(() -> started().bytesInFlight() >= 3000 << 10);
    SocketChannel healthy = attach("disk");
    write(healthy, new Script().read(9, 0, 3 << 20));
    assertEquals(9, ByteBuffer.wrap(read(healthy, 16 + (3 << 20))).getLong(8));
  }

  @Test
  void oneConnectionMoreThanTheLimitIsClosedAtOnce() throws Exception {
    directory.exports.put("disk", new MemoryExport(SIZE));
    start(new ServerLimits(2, 10_000, 256, 64 << 20, 128 << 20, 192 << 20, 2_000));
    attach("disk");
    SocketChannel second = attach("disk");
    assertEquals(-1, connect().read(ByteBuffer.allocate(1)));
    second.close();
    Awaitility.await().until(() -> started().connections() == 1);
    attach("disk");
  }

  @Test
  void silentTcpConnectionsLockOutNeitherUnixSocketsNorThoseWhoReconnect() throws Exception {
    directory.exports.put("disk", new MemoryExport(SIZE));
    start(new ServerLimits(8, 60_000, 256, 64 << 20, 128 << 20, 192 << 20, 2_000));
    SocketAddress tcp =
        started()
            .listen(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), TlsMode.OFF)
            .get(60, TimeUnit.SECONDS)
            .address();
    SocketChannel attached = attach("disk");
    List<SocketChannel> silent = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      SocketChannel c = SocketChannel.open(tcp);
      c.configureBlocking(false);
      clients.add(c);
      silent.add(c);
    }
    // All of them have come in, on two event loops, and made room for one another.
    Awaitility.await().until(() -> closed(silent) >= 20 - 8 / 2 - 1);
    for (int i = 0; i < 3; i++) {
      attach("disk");
      SocketChannel c = SocketChannel.open(tcp);
      clients.add(c);
      write(c, new Script().flags().option(1, Script.utf8("disk")));
      read(c, 18 + 10);
    }
    write(attached, new Script().read(1, 0, 4));
    read(attached, 20);
    assertEquals(7, directory.open.get());
  }

  private static int closed(List<SocketChannel> peers) throws IOException {
    int closed = 0;
    for (SocketChannel c : peers) {
      // The greeting is shorter, and the end comes with the next look.
      closed += c.read(ByteBuffer.allocate(64)) < 0 ? 1 : 0;
    }
    return closed;
  }

  @Test
  void shutdownClosesThoseWhoNegotiateAndThoseWhoAreIdle() throws Exception {
    directory.exports.put("disk", new MemoryExport(SIZE));
    start(ServerLimits.DEFAULT);
    SocketChannel negotiating = connect();
    read(negotiating, 18);
    SocketChannel idle = attach("disk");
    started().shutdown(100_000).get(60, TimeUnit.SECONDS);
    assertEquals(-1, negotiating.read(ByteBuffer.allocate(1)));
    assertEquals(-1, idle.read(ByteBuffer.allocate(1)));
    assertFalse(started().connections() > 0);
  }

  @Test
  void manyConnectionsOnATinyBudgetAllComeToTheirEnd() throws Exception {
    directory.exports.put("disk", new MemoryExport(SIZE));
    start(new ServerLimits(1024, 10_000, 8, 256 << 10, 512 << 10, 768 << 10, 60_000));
    List<Thread> threads = new ArrayList<>();
    AtomicInteger finished = new AtomicInteger();
    for (int t = 0; t < 12; t++) {
      SocketChannel c = attach("disk");
      Random random = new Random(t);
      Thread thread =
          new Thread(
              () -> {
                try {
                  load(c, random);
                  finished.incrementAndGet();
                } catch (IOException e) {
                  throw new UncheckedIOException(e);
                }
              });
      thread.start();
      threads.add(thread);
    }
    for (Thread t : threads) {
      t.join(60_000);
    }
    assertEquals(12, finished.get());
  }

  /** Batches of up to six requests, each read to its end before the next. */
  private static void load(SocketChannel c, Random random) throws IOException {
    for (int i = 0; i < 25; i++) {
      Script s = new Script();
      int answer = 0;
      for (int k = random.nextInt(6); k >= 0; k--) {
        int length = 1 + random.nextInt(random.nextBoolean() ? 4096 : 300 << 10);
        if (random.nextBoolean()) {
          s.read(k, 0, length);
          answer += 16 + length;
        } else {
          s.write(k, 0, new byte[length]);
          answer += 16;
        }
      }
      Thread writer = new Thread(() -> writeQuietly(c, s));
      writer.start();
      read(c, answer);
    }
  }

  private static void writeQuietly(SocketChannel c, Script s) {
    try {
      write(c, s);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
