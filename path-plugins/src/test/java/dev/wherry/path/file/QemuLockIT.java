package dev.wherry.path.file;

import static dev.wherry.path.DeviceModel.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.path.BlockDevice;
import dev.wherry.path.DeviceContext;
import dev.wherry.path.DeviceException;
import dev.wherry.path.HostTools;
import dev.wherry.path.TestContext;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** QEMU and we see each other's locks. */
class QemuLockIT {
  @TempDir Path dir;
  private final TestContext threads = new TestContext();
  private HostTools host;
  private Path file;

  @BeforeEach
  void create() {
    host = new HostTools(dir);
    file = dir.resolve("disk.raw");
    FileDevice.create(file, 1 << 20);
  }

  @AfterEach
  void close() {
    host.close();
    threads.close();
  }

  private void qemuRefuses(String... command) {
    String message =
        assertThrows(IllegalStateException.class, () -> host.run(command)).getMessage();
    assertTrue(message.contains("lock"), message);
  }

  @Test
  void qemuDoesNotWriteWhatWeHaveOpen() throws Exception {
    BlockDevice device = await(FileDevice.open(file, threads.context()));
    qemuRefuses("qemu-io", "-f", "raw", "-c", "write 0 512", file.toString());
    qemuRefuses("qemu-io", "-r", "-f", "raw", "-c", "read 0 512", file.toString());
    await(device.close());
    host.run("qemu-io", "-f", "raw", "-c", "write 0 512", file.toString());
  }

  @Test
  void qemuReadsWhatWeReadButDoesNotWriteIt() throws Exception {
    BlockDevice device = await(FileDevice.open(file, threads.context().asReadOnly(true)));
    host.run("qemu-io", "-r", "-f", "raw", "-c", "read 0 512", file.toString());
    qemuRefuses("qemu-io", "-f", "raw", "-c", "write 0 512", file.toString());
    await(device.close());
  }

  @Test
  void weDoNotOpenWhatQemuWrites() throws Exception {
    Path socket = dir.resolve("qemu.sock");
    host.start("qemu-nbd", "-t", "-f", "raw", "-k", socket.toString(), file.toString());
    Awaitility.await().until(() -> Files.exists(socket));
    // It listens before it opens the file, and answers after that.
    host.run("nbdinfo", "--size", "nbd+unix:///?socket=" + socket);
    DeviceContext context = threads.context();
    refused(context);
    refused(context.asReadOnly(true));
  }

  private void refused(DeviceContext context) {
    ExecutionException e =
        assertThrows(
            ExecutionException.class,
            () -> FileDevice.open(file, context).get(60, TimeUnit.SECONDS));
    DeviceException cause = (DeviceException) e.getCause();
    assertEquals(DeviceException.Reason.IN_USE, cause.reason(), cause.getMessage());
  }
}
