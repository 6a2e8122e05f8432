package dev.wherry.nbd.client;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.nbd.Export;
import dev.wherry.nbd.ExportInfo.Ability;
import dev.wherry.nbd.Extent;
import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import dev.wherry.nbd.NbdUri;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.nio.NioIoHandler;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The client against other projects' servers. */
final class NbdClientIT {
  private static final int MIB = 1 << 20;

  @TempDir Path dir;
  private EventLoopGroup group = new MultiThreadIoEventLoopGroup(1, EpollIoHandler.newFactory());

  @AfterEach
  void stop() throws InterruptedException {
    group.shutdownGracefully(0, 5, TimeUnit.SECONDS).await(10, TimeUnit.SECONDS);
  }

  private Path socket() {
    return dir.resolve("s");
  }

  private NbdClient connect(NbdClientOptions options) {
    return Wait.get(NbdClient.connect(NbdUri.unix(socket(), ""), options, group));
  }

  private static byte[] random(long seed, int length) {
    byte[] bytes = new byte[length];
    new Random(seed).nextBytes(bytes);
    return bytes;
  }

  private static void write(Export export, long offset, byte[] bytes, int flags) {
    ByteBuf buffer = Unpooled.wrappedBuffer(bytes);
    Wait.get(export.write(offset, buffer, flags));
    assertEquals(bytes.length, buffer.readableBytes());
    assertEquals(1, buffer.refCnt());
  }

  private static byte[] read(Export export, long offset, int length) {
    ByteBuf buffer = Wait.get(export.read(offset, length));
    try {
      return ByteBufUtil.getBytes(buffer);
    } finally {
      buffer.release();
    }
  }

  /** Every command, with checks of what they did. */
  private static void exercise(NbdClient client) {
    long size = client.info().size();
    byte[] a = random(1, 100 * 1024);
    write(client, 512, a, 0);
    assertArrayEquals(a, read(client, 512, a.length));
    assertArrayEquals(new byte[512], read(client, 0, 512));
    byte[] b = random(2, 4096);
    write(client, size - 4096, b, Export.FUA);
    assertArrayEquals(b, read(client, size - 4096, 4096));
    Wait.get(client.zero(8192, 8192, 0));
    Wait.get(client.zero(32768, 4096, Export.NO_HOLE | Export.FUA));
    assertArrayEquals(new byte[8192], read(client, 8192, 8192));
    assertArrayEquals(new byte[4096], read(client, 32768, 4096));
    if (client.info().can(Ability.TRIM)) {
      Wait.get(client.trim(65536, 8192, Export.FUA));
    }
    if (client.info().can(Ability.CACHE)) {
      Wait.get(client.cache(0, size));
    }
    Wait.get(client.flush());
    byte[] large = random(3, 40 * MIB);
    write(client, MIB, large, 0);
    assertArrayEquals(large, read(client, MIB, large.length));
    Wait.get(client.flush());
    for (String context : client.info().contexts()) {
      long at = 0;
      while (at < size) {
        List<Extent> extents = Wait.get(client.status(context, at, size - at, 100));
        assertTrue(extents.size() <= 100);
        at += extents.stream().mapToLong(Extent::length).sum();
      }
      assertEquals(size, at);
      assertEquals(1, Wait.get(client.status(context, 0, size, 1)).size());
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void doesEveryCommandWithNbdkitOverEpollAndNio(boolean epoll) throws Exception {
    if (!epoll) {
      stop();
      group = new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
    }
    try (OtherServer server = OtherServer.nbdkit(socket(), "memory", "64M")) {
      assertTrue(server.pid() > 0);
      NbdClient client = connect(NbdClientOptions.DEFAULTS);
      assertEquals(64L * MIB, client.info().size());
      assertEquals(List.of(Extent.BASE_ALLOCATION), client.info().contexts());
      exercise(client);
      Wait.get(client.close());
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "--filter=nozero",
        "--filter=fua",
        "--filter=fua fuamode=force",
        "--filter=noextents",
        "--filter=multi-conn multi-conn-mode=disable",
        "--filter=blocksize-policy blocksize-preferred=64K blocksize-maximum=1M",
        "--filter=delay delay-read=1ms delay-write=1ms",
        "--no-sr"
      })
  void copesWithWhatNbdkitLeavesOut(String filter) throws Exception {
    String[] words = filter.split(" ");
    List<String> args = new ArrayList<>();
    args.add(words[0]);
    args.addAll(List.of("memory", "64M"));
    args.addAll(List.of(words).subList(1, words.length));
    try (OtherServer server = OtherServer.nbdkit(socket(), args.toArray(new String[0]))) {
      NbdClient client = connect(NbdClientOptions.DEFAULTS);
      exercise(client);
      Wait.get(client.close());
      assertTrue(server.pid() > 0);
    }
  }

  @Test
  void doesEveryCommandWithQemuNbd() throws Exception {
    Path file = dir.resolve("disk");
    try (RandomAccessFile f = new RandomAccessFile(file.toFile(), "rw")) {
      f.setLength(64L * MIB);
    }
    try (OtherServer server =
        OtherServer.qemuNbd(
            socket(), "--shared=8", "-f", "raw", "--discard=unmap", file.toString())) {
      NbdClient client = connect(NbdClientOptions.DEFAULTS);
      exercise(client);
      Wait.get(client.close());
      assertTrue(server.pid() > 0);
    }
  }

  @Test
  void doesEveryCommandWithNbdServerThatHasNoStructuredReplies() throws Exception {
    Path file = dir.resolve("disk");
    try (RandomAccessFile f = new RandomAccessFile(file.toFile(), "rw")) {
      f.setLength(64L * MIB);
    }
    try (OtherServer server = OtherServer.nbdServer(socket(), file)) {
      NbdClient client =
          Wait.get(
              NbdClient.connect(NbdUri.unix(socket(), "export"), NbdClientOptions.DEFAULTS, group));
      assertEquals(List.of(), client.info().contexts());
      exercise(client);
      Wait.get(client.close());
      assertTrue(server.pid() > 0);
    }
  }

  @Test
  void tellsTheMinimumBlockOfTheServer() throws IOException {
    try (OtherServer server =
        OtherServer.nbdkit(
            socket(),
            "--filter=blocksize-policy",
            "memory",
            "1M",
            "blocksize-minimum=4096",
            "blocksize-error-policy=error")) {
      NbdClient client = connect(NbdClientOptions.DEFAULTS);
      assertEquals(4096, client.info().minBlock());
      Throwable e = Wait.failure(client.read(1, 512));
      assertEquals(NbdError.EINVAL, NbdException.errorOf(e));
      Wait.get(client.close());
      assertTrue(server.pid() > 0);
    }
  }

  @Test
  void handsOnTheErrorsOfTheServer() throws IOException {
    try (OtherServer server =
        OtherServer.nbdkit(
            socket(),
            "--filter=error",
            "memory",
            "1M",
            "error-pread=ENOMEM",
            "error-pread-rate=100%",
            "error-pwrite=ENOSPC",
            "error-pwrite-rate=100%")) {
      NbdClient client = connect(NbdClientOptions.DEFAULTS);
      assertEquals(NbdError.ENOMEM, NbdException.errorOf(Wait.failure(client.read(0, 512))));
      Throwable e = Wait.failure(client.write(0, Unpooled.wrappedBuffer(new byte[512]), 0));
      assertEquals(NbdError.ENOSPC, NbdException.errorOf(e));
      Wait.get(client.close());
      assertTrue(server.pid() > 0);
    }
  }

  @Test
  void aReadOnlyExportIsNotWritten() throws IOException {
    try (OtherServer server = OtherServer.nbdkit(socket(), "-r", "memory", "1M")) {
      NbdClient client = connect(NbdClientOptions.DEFAULTS);
      assertTrue(client.info().readOnly());
      Throwable e = Wait.failure(client.write(0, Unpooled.wrappedBuffer(new byte[512]), 0));
      assertEquals(NbdError.EPERM, NbdException.errorOf(e));
      Wait.get(client.close());
      assertTrue(server.pid() > 0);
    }
  }

  @Test
  void readsHolesOfASparseFileAsZeroes() throws Exception {
    Path file = dir.resolve("disk");
    byte[] data = random(7, 65536);
    try (RandomAccessFile f = new RandomAccessFile(file.toFile(), "rw")) {
      f.setLength(16L * MIB);
      f.seek(5L * MIB);
      f.write(data);
    }
    try (OtherServer server = OtherServer.qemuNbd(socket(), "-f", "raw", file.toString())) {
      NbdClient client = connect(NbdClientOptions.DEFAULTS);
      byte[] whole = read(client, 0, 16 * MIB);
      byte[] expected = new byte[16 * MIB];
      System.arraycopy(data, 0, expected, 5 * MIB, data.length);
      assertArrayEquals(expected, whole);
      List<Extent> extents = Wait.get(client.status(Extent.BASE_ALLOCATION, 0, 16L * MIB, 1000));
      assertEquals(5L * MIB, extents.get(0).length());
      assertEquals(Extent.HOLE | Extent.ZERO, extents.get(0).flags());
      assertFalse((extents.get(1).flags() & Extent.ZERO) != 0);
      Wait.get(client.close());
      assertTrue(server.pid() > 0);
    }
  }

  @Test
  void anUnknownExportAndAMissingServerAreToldApart() throws IOException {
    Throwable away =
        Wait.failure(
            NbdClient.connect(NbdUri.unix(socket(), ""), NbdClientOptions.DEFAULTS, group));
    assertEquals(
        NbdConnectException.Reason.UNREACHABLE,
        assertInstanceOf(NbdConnectException.class, away).reason());
    assertTrue(away.getMessage().contains(socket().toString()), away.getMessage());
    Path file = dir.resolve("disk");
    try (RandomAccessFile f = new RandomAccessFile(file.toFile(), "rw")) {
      f.setLength(MIB);
    }
    try (OtherServer server =
        OtherServer.qemuNbd(socket(), "-x", "right", "-f", "raw", file.toString())) {
      Throwable unknown =
          Wait.failure(
              NbdClient.connect(NbdUri.unix(socket(), "wrong"), NbdClientOptions.DEFAULTS, group));
      assertEquals(
          NbdConnectException.Reason.UNKNOWN_EXPORT,
          assertInstanceOf(NbdConnectException.class, unknown).reason());
      assertTrue(unknown.getMessage().contains("'wrong'"), unknown.getMessage());
      assertTrue(server.pid() > 0);
    }
  }
}
