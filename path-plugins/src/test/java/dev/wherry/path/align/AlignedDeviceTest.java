package dev.wherry.path.align;

import static dev.wherry.path.DeviceModel.await;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;

import dev.wherry.nbd.NbdError;
import dev.wherry.path.BlockDevice;
import dev.wherry.path.BlockDeviceContract;
import dev.wherry.path.DeviceModel;
import dev.wherry.path.TestBuffers;
import dev.wherry.path.file.FileDevice;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

class AlignedDeviceTest {
  abstract static class Coarse extends BlockDeviceContract {
    private final int unit;

    Coarse(int unit) {
      this.unit = unit;
    }

    @Override
    protected int size() {
      return 3 << 20;
    }

    @Override
    protected BlockDevice open() throws Exception {
      Path path = dir.resolve("file");
      FileDevice.create(path, size());
      BlockDevice file = await(FileDevice.open(path, threads.context()));
      return AlignedDevice.of(new CoarseDevice(file, unit));
    }

    /**
     * Each writes one byte of the same few blocks; an unserialised read-modify-write loses some.
     */
    @Test
    void neighbouringBytesWrittenTogetherAllArrive() throws Exception {
      byte[] expected = new byte[3 * unit];
      List<ByteBuf> lent = new ArrayList<>();
      List<CompletableFuture<?>> all = new ArrayList<>();
      for (int at = 0; at < expected.length; at += Math.max(1, unit / 64)) {
        expected[at] = (byte) (at / Math.max(1, unit / 64) + 1);
        ByteBuf one = TestBuffers.DIRECT.of(new byte[] {expected[at]});
        lent.add(one);
        all.add(device.write(at, one, 0));
      }
      await(CompletableFuture.allOf(all.toArray(CompletableFuture[]::new)));
      lent.forEach(ByteBuf::release);
      ByteBuf read = await(device.read(0, expected.length));
      byte[] found = ByteBufUtil.getBytes(read);
      read.release();
      assertArrayEquals(expected, found);
    }

    @Test
    void aSizeThatIsNoMultipleOfTheBlockIsRefused() throws Exception {
      assertEquals(NbdError.EINVAL, DeviceModel.failureOf(device.resize(size() + 1L)));
    }
  }

  @Nested
  class OfSectors extends Coarse {
    OfSectors() {
      super(512);
    }
  }

  @Nested
  class OfLargeBlocks extends Coarse {
    OfLargeBlocks() {
      super(65536);
    }

    @Test
    void aDeviceOfBytesIsUsedAsItIs() {
      assertSame(device, AlignedDevice.of(device));
    }
  }
}
