package dev.wherry.path;

import static dev.wherry.path.DeviceModel.await;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.nbd.Export;
import dev.wherry.nbd.ExportInfo;
import dev.wherry.nbd.ExportInfo.Ability;
import dev.wherry.nbd.Extent;
import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What every writable block device owes its callers. A device's test extends this class and opens
 * the device; all tests here then run against it.
 */
public abstract class BlockDeviceContract {
  protected static TestContext threads;

  @TempDir protected Path dir;
  protected BlockDevice device;
  private DeviceModel model;
  private int size;
  private int unit;

  /** Opens a new device of {@link #size()} bytes that reads as zeroes. */
  protected abstract BlockDevice open() throws Exception;

  /** Size in bytes; by default one that is no multiple of anything. */
  protected int size() {
    return (6 << 20) + 12345;
  }

  @BeforeAll
  static void startThreads() {
    threads = new TestContext();
  }

  @AfterAll
  static void stopThreads() {
    threads.close();
  }

  @BeforeEach
  void openDevice() throws Exception {
    device = open();
    size = size();
    unit = device.info().minBlock();
    model = new DeviceModel(device, size);
  }

  @AfterEach
  void closeDevice() throws Exception {
    if (device != null) {
      await(device.close());
    }
  }

  @Test
  void infoTellsTheSizeAndTheAllocationContext() {
    ExportInfo info = device.info();
    assertEquals(size, info.size());
    assertEquals(0, size % info.minBlock(), "size is a multiple of the minimum block");
    assertTrue(info.can(Ability.FLUSH));
    assertTrue(info.contexts().contains(Extent.BASE_ALLOCATION));
    assertFalse(device.describe().isBlank());
  }

  @Test
  void aNewDeviceReadsAsZeroes() throws Exception {
    model.readAll();
    model.status(0, size, 100);
  }

  @ParameterizedTest
  @EnumSource
  void whatWasWrittenIsReadBackFromAnyKindOfBuffer(TestBuffers kind) throws Exception {
    Random random = new Random(1);
    model.write(kind, 0, bytes(random, unit), 0);
    model.write(kind, size - unit, bytes(random, unit), 0);
    model.write(kind, round(4095), bytes(random, ceil(2)), 0);
    model.write(kind, round(100_001), bytes(random, ceil(70_001)), 0);
    model.writeAsServer(kind, round(3_000_001), bytes(random, ceil(65_536)));
    model.write(kind, 1 << 20, bytes(random, 2 << 20), Export.FUA);
    model.readAll();
  }

  @Test
  void theFirstAndTheLastBytesCanBeReadAlone() throws Exception {
    Random random = new Random(2);
    model.write(TestBuffers.DIRECT, 0, bytes(random, ceil(10_000)), 0);
    model.write(TestBuffers.DIRECT, size - ceil(10_000), bytes(random, ceil(10_000)), 0);
    model.read(0, unit);
    model.read(size - unit, unit);
    model.read(size - ceil(5000), ceil(5000));
    model.tryRead(0, unit, false);
    model.tryRead(size - unit, unit, true);
  }

  /** Many small steps; the seed is the name of the case. */
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4})
  void randomRequestsDoWhatAnArrayOfBytesWouldDo(long seed) throws Exception {
    Random random = new Random(seed);
    for (int step = 0; step < 200; step++) {
      int length = length(random);
      int offset = random.nextInt((size - length) / unit + 1) * unit;
      switch (random.nextInt(12)) {
        case 0, 1 ->
            model.write(
                TestBuffers.any(random),
                offset,
                bytes(random, length),
                random.nextInt(8) == 0 ? Export.FUA : 0);
        case 2, 3 -> model.writeAsServer(TestBuffers.any(random), offset, bytes(random, length));
        case 4 -> model.read(offset, length);
        case 5, 6 -> model.tryRead(offset, length, random.nextInt(8) == 0);
        case 7 -> model.trySend(offset, length);
        case 8 -> {
          int flags = random.nextInt(4) == 0 ? Export.NO_HOLE : 0;
          flags |=
              random.nextInt(4) == 0 && device.info().can(Ability.FAST_ZERO) ? Export.FAST_ZERO : 0;
          model.zero(offset, length, flags | (random.nextInt(8) == 0 ? Export.FUA : 0));
        }
        case 9 -> model.trim(offset, length, random.nextInt(8) == 0 ? Export.FUA : 0);
        case 10 -> model.status(offset, length, 1 + random.nextInt(20));
        default -> {
          if (random.nextBoolean()) {
            model.flush();
          } else {
            model.cache(offset, length);
          }
        }
      }
    }
    model.readAll();
  }

  @Test
  void theWholeDeviceIsZeroedAndTrimmedInOneRequest() throws Exception {
    model.write(TestBuffers.DIRECT, 0, bytes(new Random(3), 2 << 20), 0);
    assertTrue(model.zero(0, size, 0));
    model.readAll();
    model.write(TestBuffers.DIRECT, 4096, bytes(new Random(4), 2 << 20), 0);
    model.trim(0, size, Export.FUA);
    assertTrue(model.zero(0, size, Export.NO_HOLE | Export.FUA));
    model.readAll();
  }

  @Test
  void requestsInFlightTogetherDoNotDisturbEachOther() throws Exception {
    int lane = ceil(100_000);
    int lanes = Math.min(32, size / lane);
    List<byte[]> written = new ArrayList<>();
    List<ByteBuf> lent = new ArrayList<>();
    List<CompletableFuture<?>> all = new ArrayList<>();
    Random random = new Random(5);
    for (int i = 0; i < lanes; i++) {
      byte[] data = bytes(random, lane);
      written.add(data);
      ByteBuf buffer = TestBuffers.any(random).of(data);
      lent.add(buffer);
      all.add(device.write((long) i * lane, buffer, i % 8 == 0 ? Export.FUA : 0));
      if (i % 5 == 0) {
        all.add(device.flush());
      }
    }
    await(CompletableFuture.allOf(all.toArray(CompletableFuture[]::new)));
    lent.forEach(ByteBuf::release);
    List<CompletableFuture<ByteBuf>> reads = new ArrayList<>();
    for (int i = 0; i < lanes; i++) {
      reads.add(device.read((long) i * lane, lane));
    }
    for (int i = 0; i < lanes; i++) {
      ByteBuf buffer = await(reads.get(i));
      byte[] got = ByteBufUtil.getBytes(buffer);
      buffer.release();
      assertArrayEquals(written.get(i), got);
    }
  }

  @Test
  void overlappingWritesLeaveBytesOfOneOfThemEverywhere() throws Exception {
    List<ByteBuf> lent = new ArrayList<>();
    List<CompletableFuture<?>> all = new ArrayList<>();
    for (int i = 1; i <= 16; i++) {
      byte[] data = new byte[ceil(20_000)];
      Arrays.fill(data, (byte) i);
      ByteBuf buffer = TestBuffers.DIRECT.of(data);
      lent.add(buffer);
      all.add(device.write((long) i * unit, buffer, 0));
    }
    await(CompletableFuture.allOf(all.toArray(CompletableFuture[]::new)));
    lent.forEach(ByteBuf::release);
    ByteBuf read = await(device.read(0, ceil(20_000) + 17 * unit));
    byte[] now = ByteBufUtil.getBytes(read);
    read.release();
    for (int at = 0; at < now.length; at++) {
      int value = now[at];
      int first = value * unit;
      assertTrue(
          value == 0
              ? at < unit || at >= ceil(20_000) + 16 * unit
              : at >= first && at < first + ceil(20_000),
          "byte " + at + " holds " + value);
    }
  }

  @Test
  void attemptsAndPlainRequestsSeeEachOther() throws Exception {
    Random random = new Random(6);
    int length = ceil(131_072);
    for (int round = 0; round < 10; round++) {
      model.writeAsServer(TestBuffers.DIRECT, 0, bytes(random, length));
      model.read(0, length);
      model.tryRead(0, length, false);
      model.trySend(0, length);
      model.write(TestBuffers.DIRECT, 0, bytes(random, length), 0);
      model.tryRead(0, length, false);
      model.trySend(0, length);
      model.zero(0, round % 2 == 0 ? unit : length, 0);
      model.tryRead(0, length, false);
      model.trySend(0, length);
    }
  }

  @Test
  void statusNeverGoesPastTheRangeAndKeepsToTheLimit() throws Exception {
    Random random = new Random(7);
    for (int at = 0; at + 131_072 < size; at += 262_144) {
      model.write(TestBuffers.DIRECT, at, bytes(random, ceil(4096)), 0);
    }
    model.status(0, size, 1);
    model.status(0, size, 7);
    model.status(0, size, 1000);
    model.status(size - unit, unit, 1);
    model.status(round(5000), unit, 3);
  }

  @Test
  void anUnknownContextIsRefused() throws Exception {
    assertEquals(NbdError.EINVAL, DeviceModel.failureOf(device.status("test:unknown", 0, unit, 1)));
  }

  @Test
  void whatGrowsReadsAsZeroAndTheRestStays() throws Exception {
    model.write(TestBuffers.DIRECT, size - ceil(5000), bytes(new Random(8), ceil(5000)), 0);
    try {
      await(device.resize(size + (1L << 20)));
    } catch (NbdException e) {
      assertEquals(NbdError.ENOTSUP, e.error());
      model.readAll();
      return;
    }
    assertEquals(size + (1L << 20), device.info().size());
    model.readAll();
    ByteBuf added = await(device.read(size, 1 << 20));
    try {
      assertEquals(-1, added.forEachByte(b -> b == 0), "a byte that is not zero");
    } finally {
      added.release();
    }
  }

  @Test
  void aSecondCloseDoesNothing() throws Exception {
    model.flush();
    await(device.close());
    await(device.close());
  }

  private int length(Random random) {
    int length =
        switch (random.nextInt(4)) {
          case 0 -> 1 + random.nextInt(600);
          case 1 -> 4096;
          case 2 -> 1 + random.nextInt(20_000);
          default -> 1 + random.nextInt(400_000);
        };
    return ceil(length);
  }

  private int round(int offset) {
    return offset / unit * unit;
  }

  private int ceil(int length) {
    return (length + unit - 1) / unit * unit;
  }

  private static byte[] bytes(Random random, int length) {
    byte[] bytes = new byte[length];
    random.nextBytes(bytes);
    return bytes;
  }
}
