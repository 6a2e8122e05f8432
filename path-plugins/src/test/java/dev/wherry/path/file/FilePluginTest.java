package dev.wherry.path.file;

import static dev.wherry.path.DeviceModel.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.path.BlockDevice;
import dev.wherry.path.DeviceContext;
import dev.wherry.path.DeviceException;
import dev.wherry.path.DeviceException.Reason;
import dev.wherry.path.DevicePlugin;
import dev.wherry.path.TestContext;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ServiceLoader;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Which paths become devices, and what is said of those that do not. */
class FilePluginTest {
  @TempDir Path dir;
  private final TestContext threads = new TestContext();

  @AfterEach
  void close() {
    threads.close();
  }

  private BlockDevice open(String spec) throws Exception {
    return open(spec, threads.context());
  }

  private static BlockDevice open(String spec, DeviceContext context) throws Exception {
    DevicePlugin plugin =
        ServiceLoader.load(DevicePlugin.class).stream()
            .map(ServiceLoader.Provider::get)
            .filter(p -> p.schemes().contains("file"))
            .findFirst()
            .orElseThrow();
    try {
      return plugin.open(spec, context).get(60, TimeUnit.SECONDS);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof RuntimeException cause) {
        throw cause;
      }
      throw e;
    }
  }

  private void refused(Reason reason, String spec) {
    DeviceException e = assertThrows(DeviceException.class, () -> open(spec));
    assertEquals(reason, e.reason(), e.getMessage());
    String path = spec.replace("file:", "");
    assertTrue(e.getMessage().contains(path), e.getMessage());
  }

  @Test
  void aPathIsOpenedWithAndWithoutTheScheme() throws Exception {
    Path file = Files.write(dir.resolve("a file: it is"), new byte[5000]);
    for (String spec : new String[] {file.toString(), "file:" + file, "file://" + file}) {
      BlockDevice device = open(spec);
      assertEquals(5000, device.info().size());
      assertEquals(file.toString(), device.describe());
      await(device.close());
    }
    Path link = Files.createSymbolicLink(dir.resolve("link"), file);
    await(open(link.toString()).close());
  }

  @Test
  void whatCannotBeADeviceIsRefusedWithTheReason() throws Exception {
    refused(Reason.MISSING, dir.resolve("nothing").toString());
    refused(Reason.MISSING, "file:" + dir.resolve("no/such/folder"));
    refused(Reason.UNSUITABLE, dir.toString());
    refused(Reason.UNSUITABLE, "/dev/null");
    Path fifo = dir.resolve("fifo");
    assertEquals(0, new ProcessBuilder("mkfifo", fifo.toString()).start().waitFor());
    refused(Reason.UNSUITABLE, fifo.toString());
    Path socket = dir.resolve("socket");
    try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      server.bind(UnixDomainSocketAddress.of(socket));
      refused(Reason.UNSUITABLE, socket.toString());
    }
    Files.createSymbolicLink(dir.resolve("loop"), dir.resolve("loop"));
    refused(Reason.UNSUITABLE, dir.resolve("loop").toString());
  }

  @Test
  void aRelativePathIsMalformed() {
    for (String spec : new String[] {"disk.img", "file:disk.img", "file:", "", "./x", "/a\0b"}) {
      assertThrows(IllegalArgumentException.class, () -> open(spec), spec);
    }
  }

  @Test
  void aFileIsOpenedForWritingOnceOnly() throws Exception {
    Path file = Files.write(dir.resolve("file"), new byte[4096]);
    BlockDevice writer = open(file.toString());
    refused(Reason.IN_USE, file.toString());
    assertThrows(
        DeviceException.class, () -> open(file.toString(), threads.context().asReadOnly(true)));
    // Older kinds of lock are lost when any descriptor of the file is closed.
    Files.readAllBytes(file);
    refused(Reason.IN_USE, file.toString());
    await(writer.close());
    await(open(file.toString()).close());
  }

  @Test
  void readersShareAFileAndKeepWritersOut() throws Exception {
    Path file = Files.write(dir.resolve("file"), new byte[4096]);
    DeviceContext reading = threads.context().asReadOnly(true);
    BlockDevice first = open(file.toString(), reading);
    BlockDevice second = open(file.toString(), reading);
    refused(Reason.IN_USE, file.toString());
    await(first.close());
    refused(Reason.IN_USE, file.toString());
    await(second.close());
    await(open(file.toString()).close());
  }

  @Test
  void aFileIsNeverCreatedOverAnother() throws Exception {
    Path file = Files.write(dir.resolve("file"), new byte[10]);
    assertThrows(DeviceException.class, () -> FileDevice.create(file, 4096));
    assertEquals(10, Files.size(file));
    DeviceException e =
        assertThrows(DeviceException.class, () -> FileDevice.create(dir.resolve("x/y"), 4096));
    assertEquals(Reason.MISSING, e.reason());
    Path huge = dir.resolve("huge");
    e = assertThrows(DeviceException.class, () -> FileDevice.create(huge, Long.MAX_VALUE));
    assertEquals(Reason.NO_SPACE, e.reason(), e.getMessage());
    assertTrue(Files.notExists(huge));
  }
}
