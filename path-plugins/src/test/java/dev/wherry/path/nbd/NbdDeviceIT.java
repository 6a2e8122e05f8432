package dev.wherry.path.nbd;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import dev.wherry.path.BlockDevice;
import dev.wherry.path.DeviceContext;
import dev.wherry.path.DeviceException;
import dev.wherry.path.DevicePlugin;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.EpollIoHandler;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** An export of nbdkit as a device. */
final class NbdDeviceIT {
  @TempDir Path dir;
  private final EventLoopGroup group =
      new MultiThreadIoEventLoopGroup(1, EpollIoHandler.newFactory());
  private final ExecutorService workers = Executors.newFixedThreadPool(1);
  private Process server;

  @AfterEach
  void stop() throws InterruptedException {
    if (server != null) {
      server.destroyForcibly().waitFor(10, TimeUnit.SECONDS);
    }
    workers.shutdownNow();
    group.shutdownGracefully(0, 5, TimeUnit.SECONDS).await(10, TimeUnit.SECONDS);
  }

  private DeviceContext context() {
    return new DeviceContext(
        group,
        workers,
        DeviceContext.Engine.AUTO,
        Duration.ofSeconds(30),
        null,
        suid -> Optional.empty(),
        false);
  }

  private void nbdkit(String... arguments) throws IOException {
    String[] command = new String[4 + arguments.length];
    System.arraycopy(
        new String[] {"nbdkit", "-f", "-U", dir.resolve("s").toString()}, 0, command, 0, 4);
    System.arraycopy(arguments, 0, command, 4, arguments.length);
    server =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(dir.resolve("log").toFile())
            .start();
    // Bound is not enough: the flag is that of a socket that listens.
    await()
        .until(
            () ->
                Files.readAllLines(Path.of("/proc/net/unix")).stream()
                    .anyMatch(
                        line ->
                            line.endsWith(" " + dir.resolve("s")) && line.contains(" 00010000 ")));
  }

  private String spec(String export) {
    return "nbd+unix:///" + export + "?socket=" + dir.resolve("s");
  }

  private static <T> T get(CompletableFuture<T> future) throws Exception {
    return future.get(60, TimeUnit.SECONDS);
  }

  private static DevicePlugin plugin(String scheme) {
    return ServiceLoader.load(DevicePlugin.class).stream()
        .map(ServiceLoader.Provider::get)
        .filter(p -> p.schemes().contains(scheme))
        .findFirst()
        .orElseThrow();
  }

  @Test
  void isFoundByEachOfItsSchemesAndServes() throws Exception {
    for (String scheme : new String[] {"nbd", "nbds", "nbd+unix", "nbds+unix"}) {
      assertInstanceOf(NbdPlugin.class, plugin(scheme));
    }
    nbdkit("memory", "1M");
    BlockDevice device = get(plugin("nbd+unix").open(spec(""), context()));
    assertEquals(spec(""), device.describe());
    assertEquals(1 << 20, device.info().size());
    get(device.write(100, Unpooled.copyLong(42), 0));
    ByteBuf data = get(device.read(100, 8));
    assertEquals(42, data.readLong());
    data.release();
    get(device.zero(0, 4096, 0));
    get(device.trim(0, 4096, 0));
    get(device.flush());
    get(device.resize(1 << 20));
    ExecutionException e =
        assertThrows(ExecutionException.class, () -> get(device.resize(1 << 21)));
    assertEquals(NbdError.ENOTSUP, NbdException.errorOf(e.getCause()));
    get(device.close());
    get(device.close());
  }

  @Test
  void aSizeThatGrewOnTheServerIsTakenOver() throws Exception {
    Path disk = dir.resolve("disk");
    Files.write(disk, new byte[1 << 20]);
    nbdkit("file", disk.toString());
    BlockDevice device = get(new NbdPlugin().open(spec(""), context()));
    Files.write(disk, new byte[1 << 20], StandardOpenOption.APPEND);
    assertEquals(1 << 20, device.info().size());
    get(device.resize(1 << 21));
    assertEquals(1 << 21, device.info().size());
    get(device.close());
  }

  @Test
  void aReadOnlyContextMakesAReadOnlyDevice() throws Exception {
    nbdkit("memory", "1M");
    BlockDevice device = get(new NbdPlugin().open(spec(""), context().asReadOnly(true)));
    assertTrue(device.info().readOnly());
    ExecutionException e =
        assertThrows(ExecutionException.class, () -> get(device.write(0, Unpooled.copyLong(1), 0)));
    assertEquals(NbdError.EPERM, NbdException.errorOf(e.getCause()));
    get(device.close());
  }

  private DeviceException failure(String spec) {
    ExecutionException e =
        assertThrows(ExecutionException.class, () -> get(new NbdPlugin().open(spec, context())));
    DeviceException cause = assertInstanceOf(DeviceException.class, e.getCause());
    assertTrue(cause.getMessage().contains(spec), cause.getMessage());
    return cause;
  }

  @Test
  void aServerThatIsNotThereIsUnavailable() {
    assertEquals(DeviceException.Reason.UNAVAILABLE, failure(spec("")).reason());
  }

  @Test
  void anExportThatIsNotThereIsMissing() throws Exception {
    nbdkit("--filter=exportname", "memory", "1M", "exportname=a", "exportname-strict=true");
    DeviceException e = failure(spec("b"));
    assertEquals(DeviceException.Reason.MISSING, e.reason(), e.getMessage());
  }

  @Test
  void aMalformedSpecIsAnIllegalArgument() {
    ExecutionException e =
        assertThrows(
            ExecutionException.class, () -> get(new NbdPlugin().open("nbd+unix:///x", context())));
    assertInstanceOf(IllegalArgumentException.class, e.getCause());
  }
}
