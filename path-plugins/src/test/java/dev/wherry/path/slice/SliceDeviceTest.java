package dev.wherry.path.slice;

import static dev.wherry.path.DeviceModel.await;
import static dev.wherry.path.DeviceModel.failureOf;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.nbd.ExportInfo;
import dev.wherry.nbd.NbdError;
import dev.wherry.path.BlockDevice;
import dev.wherry.path.BlockDeviceContract;
import dev.wherry.path.ForwardingDevice;
import dev.wherry.path.TestBuffers;
import dev.wherry.path.memory.MemoryDevice;
import io.netty.buffer.ByteBuf;
import org.junit.jupiter.api.Test;

class SliceDeviceTest extends BlockDeviceContract {
  private static final int START = 70_001;
  private final MemoryDevice whole = new MemoryDevice(START + size() + 5000);

  @Override
  protected BlockDevice open() {
    return new SliceDevice(whole, START, size());
  }

  @Test
  void theFirstByteIsWhereTheSliceStarts() throws Exception {
    ByteBuf data = TestBuffers.DIRECT.of(new byte[] {42});
    await(device.write(0, data, 0));
    data.release();
    ByteBuf read = await(whole.read(START, 1));
    assertEquals(42, read.readByte());
    read.release();
  }

  @Test
  void aSliceThatDoesNotLieInTheDeviceIsRefused() {
    long size = whole.info().size();
    assertThrows(IllegalArgumentException.class, () -> new SliceDevice(whole, 1, size));
    assertThrows(IllegalArgumentException.class, () -> new SliceDevice(whole, -1, 1));
    assertThrows(IllegalArgumentException.class, () -> new SliceDevice(whole, 0, -1));
    IllegalArgumentException e =
        assertThrows(
            IllegalArgumentException.class, () -> new SliceDevice(whole, Long.MAX_VALUE, 2));
    assertTrue(e.getMessage().contains(whole.describe()), e.getMessage());
  }

  @Test
  void aSliceIsMadeOfWholeBlocks() throws Exception {
    BlockDevice coarse =
        new ForwardingDevice(whole) {
          @Override
          public ExportInfo info() {
            return super.info().withBlocks(512, 4096);
          }
        };
    assertThrows(IllegalArgumentException.class, () -> new SliceDevice(coarse, 100, 512));
    assertThrows(IllegalArgumentException.class, () -> new SliceDevice(coarse, 512, 100));
    SliceDevice slice = new SliceDevice(coarse, 512, 1024);
    assertEquals(512, slice.info().minBlock());
    assertEquals(NbdError.EINVAL, failureOf(slice.resize(1000)));
  }

  @Test
  void shrinkingShowsLessAndLeavesTheDeviceAsItIs() throws Exception {
    long before = whole.info().size();
    await(device.resize(4096));
    assertEquals(4096, device.info().size());
    assertEquals(before, whole.info().size());
  }

  @Test
  void aSliceOfADeviceThatShrankIsShorter() throws Exception {
    await(whole.resize(START + 100));
    assertEquals(100, device.info().size());
    await(whole.resize(10));
    assertEquals(0, device.info().size());
  }
}
