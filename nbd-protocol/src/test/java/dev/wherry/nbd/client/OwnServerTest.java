package dev.wherry.nbd.client;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.nbd.Export;
import dev.wherry.nbd.Extent;
import dev.wherry.nbd.NbdUri;
import dev.wherry.nbd.server.MapDirectory;
import dev.wherry.nbd.server.MemoryExport;
import dev.wherry.nbd.server.NbdServer;
import dev.wherry.nbd.server.NbdServerOptions;
import dev.wherry.nbd.server.ServerLimits;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.EpollIoHandler;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Client and server of this library together, in each of the three kinds of replies. */
final class OwnServerTest {
  private static final int SIZE = 4 << 20;

  @TempDir Path dir;
  private final EventLoopGroup group =
      new MultiThreadIoEventLoopGroup(2, EpollIoHandler.newFactory());

  @AfterEach
  void stop() throws InterruptedException {
    group.shutdownGracefully(0, 5, TimeUnit.SECONDS).await(10, TimeUnit.SECONDS);
  }

  @ParameterizedTest
  @CsvSource({"true, true", "false, true", "false, false"})
  void understandEachOther(boolean extended, boolean structured) {
    MemoryExport export = new MemoryExport(SIZE);
    MapDirectory directory = new MapDirectory();
    directory.exports.put("disk", export);
    NbdServer server =
        NbdServer.create(new NbdServerOptions(group, directory, ServerLimits.DEFAULT, null, 0));
    Path socket = dir.resolve("s");
    Wait.get(server.listenUnix(socket, null));
    NbdClient client =
        Wait.get(
            NbdClient.connect(
                NbdUri.unix(socket, "disk"),
                NbdClientOptions.DEFAULTS.withReplies(extended, structured),
                group));
    assertEquals(SIZE, client.info().size());
    byte[] expected = new byte[SIZE];
    Random random = new Random(3);
    for (int i = 0; i < 200; i++) {
      int offset = random.nextInt(SIZE);
      int length = 1 + random.nextInt(Math.min(200_000, SIZE - offset));
      switch (random.nextInt(3)) {
        case 0 -> {
          byte[] bytes = new byte[length];
          random.nextBytes(bytes);
          System.arraycopy(bytes, 0, expected, offset, length);
          Wait.get(client.write(offset, Unpooled.wrappedBuffer(bytes), i % 5 == 0 ? 1 : 0));
        }
        case 1 -> {
          Arrays.fill(expected, offset, offset + length, (byte) 0);
          Wait.get(client.zero(offset, length, i % 2 == 0 ? Export.NO_HOLE : 0));
        }
        default -> {
          ByteBuf data = Wait.get(client.read(offset, length));
          assertArrayEquals(
              Arrays.copyOfRange(expected, offset, offset + length), ByteBufUtil.getBytes(data));
          data.release();
        }
      }
    }
    Wait.get(client.flush());
    assertArrayEquals(expected, export.bytes);
    if (structured) {
      List<Extent> extents =
          Wait.get(client.status(Extent.BASE_ALLOCATION, 0, SIZE, Integer.MAX_VALUE));
      assertTrue(extents.stream().mapToLong(Extent::length).sum() <= SIZE);
    }
    Wait.get(client.close());
    Wait.get(server.shutdown(5000));
  }
}
