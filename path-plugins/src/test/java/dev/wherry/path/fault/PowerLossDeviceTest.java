package dev.wherry.path.fault;

import static dev.wherry.path.DeviceModel.await;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.nbd.Export;
import dev.wherry.path.BlockDevice;
import dev.wherry.path.BlockDeviceContract;
import dev.wherry.path.TestBuffers;
import dev.wherry.path.fault.PowerLossDevice.Loss;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class PowerLossDeviceTest extends BlockDeviceContract {
  private static final int SIZE = 1 << 20;
  private final PowerLossDevice disk = new PowerLossDevice(SIZE, 8 << 20, 42);

  @Override
  protected BlockDevice open() {
    return new PowerLossDevice(size(), 1 << 20, 7);
  }

  @AfterEach
  void closeDisk() throws Exception {
    await(disk.close());
  }

  private void fill(int offset, int length, int value, int flags) throws Exception {
    byte[] bytes = new byte[length];
    Arrays.fill(bytes, (byte) value);
    ByteBuf data = TestBuffers.DIRECT.of(bytes);
    await(disk.write(offset, data, flags));
    data.release();
  }

  private byte[] bytes(int offset, int length) throws Exception {
    ByteBuf read = await(disk.read(offset, length));
    try {
      return ByteBufUtil.getBytes(read);
    } finally {
      read.release();
    }
  }

  private static Set<Integer> values(byte[] bytes) {
    Set<Integer> values = new HashSet<>();
    for (byte b : bytes) {
      values.add((int) b);
    }
    return values;
  }

  @ParameterizedTest
  @EnumSource
  void whatWasFlushedSurvivesEveryLoss(Loss loss) throws Exception {
    byte[] safe = new byte[SIZE];
    Random random = new Random(1);
    for (int round = 0; round < 20; round++) {
      for (int i = 0; i < 20; i++) {
        int length = 1 + random.nextInt(20_000);
        int offset = random.nextInt(SIZE - length);
        fill(offset, length, i, 0);
        Arrays.fill(safe, offset, offset + length, (byte) i);
      }
      await(disk.flush());
      assertEquals(0, disk.unflushed());
      disk.lose(loss);
      assertArrayEquals(safe, bytes(0, SIZE));
    }
  }

  @ParameterizedTest
  @EnumSource
  void aWriteWithFuaSurvivesAndIsNotOverwrittenByOlderOnes(Loss loss) throws Exception {
    for (int i = 0; i < 20; i++) {
      fill(0, 10_000, 1, 0);
      fill(3000, 1000, 2, Export.FUA);
      assertEquals(Set.of(1), values(bytes(0, 3000)));
      assertEquals(Set.of(2), values(bytes(3000, 1000)));
      assertEquals(Set.of(1), values(bytes(4000, 6000)));
      disk.lose(loss);
      assertEquals(Set.of(2), values(bytes(3000, 1000)));
    }
  }

  @Test
  void aWholeLossTakesAllThatWasNotFlushed() throws Exception {
    fill(0, 8192, 1, 0);
    await(disk.flush());
    fill(0, 4096, 2, 0);
    await(disk.zero(4096, 4096, 0));
    assertEquals(4097, disk.unflushed());
    disk.lose(Loss.ALL);
    assertEquals(Set.of(1), values(bytes(0, 8192)));
  }

  @Test
  void aRandomLossKeepsOrTakesWholeBlocks() throws Exception {
    fill(0, SIZE, 1, 0);
    disk.lose(Loss.RANDOM);
    for (int at = 0; at < SIZE; at += 4096) {
      assertEquals(1, values(bytes(at, 4096)).size());
    }
    assertEquals(Set.of(0, 1), values(bytes(0, SIZE)));
  }

  @Test
  void aTornLossTearsBlocksApart() throws Exception {
    fill(0, SIZE, 1, 0);
    disk.lose(Loss.TORN);
    boolean torn = false;
    for (int at = 0; at < SIZE; at += 4096) {
      torn |= values(bytes(at, 4096)).size() == 2;
    }
    assertTrue(torn);
  }

  @Test
  void aPrefixLossKeepsWhatCameFirst() throws Exception {
    for (int i = 0; i < 100; i++) {
      fill(i * 100, 100, 1, 0);
    }
    disk.lose(Loss.PREFIX);
    byte[] left = bytes(0, 10_000);
    int kept = 0;
    while (kept < left.length && left[kept] == 1) {
      kept++;
    }
    assertEquals(0, kept % 100);
    assertTrue(kept > 0 && kept < 10_000, "with this seed some are kept: " + kept);
    assertEquals(Set.of(0), values(bytes(kept, 10_000 - kept)));
  }

  @Test
  void theSameSeedLosesTheSame() throws Exception {
    PowerLossDevice twin = new PowerLossDevice(SIZE, 8 << 20, 42);
    ByteBuf ones = TestBuffers.DIRECT.of(bytes(0, SIZE)).setByte(0, 1);
    for (PowerLossDevice each : new PowerLossDevice[] {disk, twin}) {
      for (int i = 0; i < SIZE; i++) {
        ones.setByte(i, i * 31);
      }
      await(each.write(0, ones, 0));
      each.lose(Loss.TORN);
    }
    ones.release();
    ByteBuf other = await(twin.read(0, SIZE));
    assertArrayEquals(bytes(0, SIZE), ByteBufUtil.getBytes(other));
    other.release();
    await(twin.close());
  }

  @Test
  void aFullCacheLetsItsOldestGoToTheMedium() throws Exception {
    PowerLossDevice small = new PowerLossDevice(SIZE, 4096, 1);
    ByteBuf page = TestBuffers.DIRECT.of(new byte[4096]).setByte(0, 9);
    await(small.write(0, page, 0));
    await(small.write(8192, page, 0));
    assertEquals(4096, small.unflushed());
    small.lose(Loss.ALL);
    for (int at : new int[] {0, 8192}) {
      ByteBuf read = await(small.read(at, 1));
      assertEquals(at == 0 ? 9 : 0, read.readByte());
      read.release();
    }
    page.release();
    await(small.close());
  }
}
