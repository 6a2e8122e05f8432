package dev.wherry.path.file;

import static dev.wherry.path.DeviceModel.await;
import static dev.wherry.path.DeviceModel.failureOf;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.wherry.nbd.Export;
import dev.wherry.nbd.Extent;
import dev.wherry.nbd.NbdError;
import dev.wherry.path.BlockDevice;
import dev.wherry.path.DeviceContext.Engine;
import dev.wherry.path.HostTools;
import dev.wherry.path.TestContext;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A disk whose writes fail from a moment on: a loop device over nbdkit's error filter. */
class FailedFlushIT {
  @TempDir Path dir;
  private final TestContext threads = new TestContext();
  private HostTools host;
  private Path trigger;
  private Path node;

  @BeforeEach
  void makeDisk() throws Exception {
    host = new HostTools(dir);
    trigger = dir.resolve("fail");
    Path socket =
        host.nbdkit(
            "--filter=error",
            "memory",
            "64M",
            "error-pwrite=EIO",
            "error-pwrite-rate=100%",
            "error-pwrite-file=" + trigger);
    node = host.loop(host.fuse(socket), "--direct-io=on");
  }

  @AfterEach
  void removeDisk() {
    host.close();
    threads.close();
  }

  @ParameterizedTest
  @EnumSource(Engine.class)
  void afterAFailedFlushNothingIsServedUntilReopened(Engine engine) throws Exception {
    BlockDevice device = await(FileDevice.open(node, threads.with(engine)));
    ByteBuf data = Unpooled.directBuffer(8192).writeZero(8192);
    await(device.write(0, data, 0));
    await(device.flush());
    Files.createFile(trigger);
    await(device.write(4096, data, 0));
    assertEquals(NbdError.EIO, failureOf(device.flush()));
    Files.delete(trigger);
    failsFor(device, data);
    await(device.close());

    BlockDevice again = await(FileDevice.open(node, threads.with(engine)));
    await(again.write(0, data, 0));
    await(again.flush());
    await(again.close());
    data.release();
  }

  @ParameterizedTest
  @EnumSource(Engine.class)
  void aDurableWriteThatFailsCountsAsAFailedFlush(Engine engine) throws Exception {
    BlockDevice device = await(FileDevice.open(node, threads.with(engine)));
    ByteBuf data = Unpooled.directBuffer(8192).writeZero(8192);
    await(device.write(0, data, Export.FUA));
    Files.createFile(trigger);
    assertEquals(NbdError.EIO, failureOf(device.write(4096, data, Export.FUA)));
    Files.delete(trigger);
    failsFor(device, data);
    await(device.close());
    data.release();
  }

  private static void failsFor(BlockDevice device, ByteBuf data) throws Exception {
    assertEquals(NbdError.EIO, failureOf(device.flush()));
    assertEquals(NbdError.EIO, failureOf(device.write(0, data, 0)));
    assertEquals(NbdError.EIO, failureOf(device.write(0, data, Export.FUA)));
    assertEquals(NbdError.EIO, failureOf(device.read(0, 4096)));
    assertEquals(NbdError.EIO, failureOf(device.trim(0, 4096, 0)));
    assertEquals(NbdError.EIO, failureOf(device.zero(0, 4096, 0)));
    assertEquals(NbdError.EIO, failureOf(device.cache(0, 4096)));
    assertEquals(NbdError.EIO, failureOf(device.status(Extent.BASE_ALLOCATION, 0, 4096, 1)));
    assertFalse(device.tryWrite(0, data));
    ByteBuf into = Unpooled.directBuffer(4096);
    assertFalse(device.tryRead(0, 4096, into));
    into.release();
    assertEquals(NbdError.EIO, failureOf(device.flush()));
  }
}
