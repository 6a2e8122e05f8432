package dev.wherry.path.zero;

import static dev.wherry.path.DeviceModel.await;
import static dev.wherry.path.DeviceModel.failureOf;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.nbd.Export;
import dev.wherry.nbd.Extent;
import dev.wherry.nbd.NbdError;
import dev.wherry.path.BlockDevice;
import dev.wherry.path.DeviceModel;
import dev.wherry.path.TestBuffers;
import dev.wherry.path.TestContext;
import io.netty.buffer.ByteBuf;
import java.util.List;
import org.junit.jupiter.api.Test;

class ZeroDeviceTest {
  private static final int SIZE = 1 << 20;
  private final BlockDevice device = new ZeroDevice(SIZE, false);

  @Test
  void writesSucceedAndAreForgotten() throws Exception {
    ByteBuf data = TestBuffers.HEAP.of(new byte[] {1, 2, 3});
    await(device.write(5, data, Export.FUA));
    assertTrue(device.tryWrite(5, data));
    data.release();
    DeviceModel zeroes = new DeviceModel(device, SIZE);
    zeroes.readAll();
    assertTrue(zeroes.tryRead(3, 1000, false));
  }

  @Test
  void allOfItIsAHole() throws Exception {
    assertEquals(
        List.of(new Extent(1000, Extent.HOLE | Extent.ZERO)),
        await(device.status(Extent.BASE_ALLOCATION, 7, 1000, 1)));
    assertEquals(NbdError.EINVAL, failureOf(device.status("test:unknown", 0, 1, 1)));
  }

  @Test
  void everyOtherRequestSucceedsToo() throws Exception {
    await(device.flush());
    await(device.trim(0, SIZE, 0));
    await(device.zero(0, SIZE, Export.FAST_ZERO));
    await(device.cache(0, SIZE));
    await(device.resize(2 * SIZE));
    assertEquals("zero:2M", device.describe());
    await(device.close());
  }

  @Test
  void thePluginOpensAnySize() throws Exception {
    try (TestContext threads = new TestContext()) {
      BlockDevice big = await(new ZeroPlugin().open("zero:100T", threads.context()));
      assertEquals(100L << 40, big.info().size());
      assertEquals("zero:100T", big.describe());
    }
  }
}
