package dev.wherry.nbd.client;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.nbd.Export;
import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import dev.wherry.nbd.NbdUri;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.EpollIoHandler;
import java.io.IOException;
import java.io.InputStream;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Real servers that are killed and come back while they are written to. */
final class RestartIT {
  private static final int SIZE = 8 << 20;
  private static final int BLOCK = 4096;
  private static final int BLOCKS = SIZE / BLOCK;

  @TempDir Path dir;
  private final EventLoopGroup group =
      new MultiThreadIoEventLoopGroup(1, EpollIoHandler.newFactory());
  private Path disk;

  @BeforeEach
  void makeDisk() throws IOException {
    disk = dir.resolve("disk");
    try (RandomAccessFile f = new RandomAccessFile(disk.toFile(), "rw")) {
      f.setLength(SIZE);
    }
  }

  @AfterEach
  void stop() throws InterruptedException {
    group.shutdownGracefully(0, 5, TimeUnit.SECONDS).await(10, TimeUnit.SECONDS);
  }

  private OtherServer start(String kind) throws IOException {
    Path socket = dir.resolve("s");
    return switch (kind) {
      case "nbdkit file" -> OtherServer.nbdkit(socket, "-t", "1", "file", disk.toString());
      case "qemu-nbd" -> OtherServer.qemuNbd(socket, "--shared=8", "-f", "raw", disk.toString());
      case "forgetful" -> {
        Path script = dir.resolve("forgetful.py");
        try (InputStream in =
            Objects.requireNonNull(getClass().getResourceAsStream("/forgetful.py"))) {
          if (!Files.exists(script)) {
            Files.copy(in, script);
          }
        }
        yield OtherServer.nbdkit(socket, "python", script.toString(), "file=" + disk);
      }
      default -> throw new IllegalArgumentException(kind);
    };
  }

  private NbdClient connect(NbdClientOptions options) {
    return Wait.get(NbdClient.connect(NbdUri.unix(dir.resolve("s"), ""), options, group));
  }

  /** Writes blocks at random, each write verifiable, and reads them back; one at a time a block. */
  private static final class Load {
    final NbdClient client;
    final Random random = new Random(5);
    final long[] expected = new long[BLOCKS];
    final boolean[] busy = new boolean[BLOCKS];
    final Semaphore window = new Semaphore(16);
    final AtomicInteger answered = new AtomicInteger();
    final List<String> wrong = new ArrayList<>();
    long next = 1;

    Load(NbdClient client) {
      this.client = client;
    }

    static ByteBuf block(int index, long value) {
      ByteBuf b = Unpooled.buffer(BLOCK);
      for (int i = 0; i < BLOCK / 16; i++) {
        b.writeLong(value == 0 ? 0 : index).writeLong(value);
      }
      return b;
    }

    private synchronized void done(int index, long value, String problem) {
      busy[index] = false;
      if (problem == null) {
        expected[index] = value;
      } else {
        wrong.add("block " + index + ": " + problem);
      }
      answered.incrementAndGet();
      window.release();
    }

    void one() throws InterruptedException {
      if (!window.tryAcquire(60, TimeUnit.SECONDS)) {
        throw new AssertionError("no answer within 60 s");
      }
      int index;
      long value;
      int what;
      synchronized (this) {
        do {
          index = random.nextInt(BLOCKS);
        } while (busy[index]);
        busy[index] = true;
        what = random.nextInt(8);
        value = what < 3 ? expected[index] : what == 3 ? 0 : next++;
      }
      long offset = (long) index * BLOCK;
      int i = index;
      if (what < 3) {
        client
            .read(offset, BLOCK)
            .whenComplete(
                (data, e) -> {
                  String problem = e == null ? null : e.toString();
                  if (data != null) {
                    ByteBuf wanted = block(i, value);
                    problem = wanted.equals(data) ? null : "reads " + data.getLong(8);
                    data.release();
                  }
                  done(i, value, problem);
                });
      } else {
        int flags = random.nextInt(10) == 0 ? Export.FUA : 0;
        CompletableFuture<Void> f =
            what == 3
                ? client.zero(offset, BLOCK, flags)
                : client.write(offset, block(index, value), flags);
        f.whenComplete((v, e) -> done(i, value, e == null ? null : e.toString()));
      }
    }

    void finish() throws InterruptedException {
      if (!window.tryAcquire(16, 60, TimeUnit.SECONDS)) {
        throw new AssertionError("no answer within 60 s");
      }
      window.release(16);
      assertEquals(List.of(), wrong);
    }

    byte[] image() {
      ByteBuf all = Unpooled.buffer(SIZE);
      for (int i = 0; i < BLOCKS; i++) {
        all.writeBytes(block(i, expected[i]));
      }
      return all.array();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"nbdkit file", "qemu-nbd", "forgetful"})
  void aServerThatIsKilledAmidWritesIsAPauseAndNothingMore(String kind) throws Exception {
    OtherServer server = start(kind);
    try {
      NbdClient client = connect(NbdClientOptions.DEFAULTS);
      Load load = new Load(client);
      for (int round = 0; round < 6; round++) {
        for (int i = 0; i < 700; i++) {
          load.one();
          if (i == 350) {
            // In the middle, with requests under way.
            server.kill();
            server = start(kind);
          }
          if (i % 200 == 199 && round % 2 == 0) {
            Wait.get(client.flush());
          }
        }
      }
      load.finish();
      Wait.get(client.flush());
      Wait.get(client.close());
      // Only what is in the file counts: the server's memory dies.
      server.kill();
      assertArrayEquals(load.image(), Files.readAllBytes(disk));
    } finally {
      server.kill();
    }
  }

  @Test
  void everyAcknowledgedWriteIsThereAfterACrashThatLosesAllThatWasNotFlushed() throws Exception {
    OtherServer server = start("forgetful");
    try {
      NbdClient client = connect(NbdClientOptions.DEFAULTS);
      for (int i = 0; i < 256; i++) {
        Wait.get(client.write((long) i * BLOCK, Load.block(i, i + 1), 0));
      }
      server.kill();
      // The control: the server itself has lost everything.
      assertArrayEquals(new byte[SIZE], Files.readAllBytes(disk));
      server = start("forgetful");
      Wait.get(client.flush());
      Wait.get(client.close());
      server.kill();
      byte[] all = Files.readAllBytes(disk);
      for (int i = 0; i < 256; i++) {
        assertEquals(
            Load.block(i, i + 1), Unpooled.wrappedBuffer(all, i * BLOCK, BLOCK), "block " + i);
      }
    } finally {
      server.kill();
    }
  }

  @Test
  void aSmallReplayLimitMakesTheClientFlushByItself() throws Exception {
    OtherServer server = start("forgetful");
    try {
      NbdClient client = connect(NbdClientOptions.DEFAULTS.withReplayLimit(64 << 10));
      for (int i = 0; i < 256; i++) {
        Wait.get(client.write((long) i * BLOCK, Load.block(i, i + 1), 0));
      }
      server.kill();
      byte[] all = Files.readAllBytes(disk);
      // More than the limit of 16 blocks was written, so all but those were flushed.
      for (int i = 0; i < 256 - 17; i++) {
        assertEquals(
            Load.block(i, i + 1), Unpooled.wrappedBuffer(all, i * BLOCK, BLOCK), "block " + i);
      }
      Wait.get(client.close());
    } finally {
      server.kill();
    }
  }

  @Test
  void requestsFailOnceTheServerIsAwayForLongerThanTheTimeoutAndWorkAgainWhenItIsBack()
      throws Exception {
    OtherServer server = start("nbdkit file");
    try {
      NbdClient client = connect(NbdClientOptions.DEFAULTS.withIoTimeout(Duration.ofSeconds(4)));
      Wait.get(client.write(0, Load.block(0, 7), 0));
      server.kill();
      Throwable e = Wait.failure(client.read(0, BLOCK));
      assertEquals(NbdError.EIO, NbdException.errorOf(e));
      assertTrue(e.getMessage().contains("the server is away"), e.getMessage());
      server = start("nbdkit file");
      await().until(() -> !Wait.settled(client.flush()).isCompletedExceptionally());
      ByteBuf data = Wait.get(client.read(0, BLOCK));
      assertEquals(Load.block(0, 7), data);
      data.release();
      Wait.get(client.close());
    } finally {
      server.kill();
    }
  }
}
