package dev.wherry.path.file;

import static dev.wherry.path.DeviceModel.await;
import static dev.wherry.path.DeviceModel.failureOf;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.nbd.Export;
import dev.wherry.nbd.Extent;
import dev.wherry.nbd.NbdError;
import dev.wherry.path.BlockDevice;
import dev.wherry.path.TestBuffers;
import dev.wherry.path.TestContext;
import dev.wherry.path.io.Posix;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.DefaultFileRegion;
import java.io.ByteArrayOutputStream;
import java.io.RandomAccessFile;
import java.nio.channels.Channels;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a file does beyond the contract of every device. */
class FileRequestsTest {
  private static final int MIB = 1 << 20;

  @TempDir Path dir;
  private final TestContext threads = new TestContext();
  private Path path;
  private BlockDevice device;

  @BeforeEach
  void open() throws Exception {
    path = dir.resolve("file");
    FileDevice.create(path, 8 * MIB);
    device = await(FileDevice.open(path, threads.context()));
  }

  @AfterEach
  void close() throws Exception {
    await(device.close());
    threads.close();
  }

  private byte[] write(long offset, int length) throws Exception {
    byte[] bytes = new byte[length];
    new Random(offset).nextBytes(bytes);
    ByteBuf data = TestBuffers.DIRECT.of(bytes);
    try {
      await(device.write(offset, data, 0));
    } finally {
      data.release();
    }
    return bytes;
  }

  private DefaultFileRegion sent(long offset, int length) {
    DefaultFileRegion[] found = new DefaultFileRegion[1];
    Awaitility.await()
        .until(
            () -> {
              found[0] = device.trySend(offset, length);
              return found[0] != null;
            });
    return found[0];
  }

  private static byte[] content(DefaultFileRegion region) throws Exception {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    while (region.transferred() < region.count()) {
      region.transferTo(Channels.newChannel(out), region.transferred());
    }
    return out.toByteArray();
  }

  /** The device begins with this. */
  private void expect(byte[] written) throws Exception {
    ByteBuf read = await(device.read(0, written.length));
    try {
      assertEquals(Unpooled.wrappedBuffer(written), read);
    } finally {
      read.release();
    }
  }

  @Test
  void whatIsInMemoryIsReadAndWrittenAtOnce() throws Exception {
    write(0, MIB);
    ByteBuf into = Unpooled.directBuffer(8192);
    ByteBuf data = TestBuffers.DIRECT.of(new byte[8192]);
    try {
      assertTrue(device.tryRead(4096, 8192, into));
      assertTrue(device.tryWrite(4096, data), "page-aligned");
      assertTrue(device.tryWrite(4097, data), "not aligned, but in memory");
    } finally {
      into.release();
      data.release();
    }
  }

  @Test
  void aRangeKnownToHaveNoHoleIsSentFromTheFile() throws Exception {
    byte[] written = write(0, 2 * MIB);
    assertNull(device.trySend(0, MIB), "nothing is known of the file yet");
    DefaultFileRegion region = sent(0, MIB);
    assertArrayEquals(Arrays.copyOf(written, MIB), content(region));
    region.release();
  }

  @Test
  void aRangeWithAHoleIsNotSentFromTheFile() throws Exception {
    write(0, 4 * MIB);
    sent(0, MIB).release();
    await(device.zero(MIB / 2, 4096, 0));
    assertNull(device.trySend(0, MIB), "a hole was made");
    sent(2 * MIB, MIB).release();
    assertNull(device.trySend(4 * MIB - 65536, 131_072), "the end is not allocated");
    await(device.trim(2 * MIB, 8192, 0));
    assertNull(device.trySend(2 * MIB, MIB), "a hole was made by trim");
  }

  @Test
  void aShortRangeIsCopied() throws Exception {
    write(0, 2 * MIB);
    sent(0, MIB).release();
    assertNull(device.trySend(0, 4096));
  }

  @Test
  void aRegionKeepsTheFileOpenUntilItIsReleased() throws Exception {
    byte[] written = write(0, MIB);
    DefaultFileRegion first = sent(0, MIB);
    DefaultFileRegion second = sent(0, MIB);
    first.release();
    await(device.close());
    assertArrayEquals(written, content(second));
    second.release();
    device = await(FileDevice.open(path, threads.context()));
  }

  @Test
  void aFileThatWasCutShortGivesAnErrorAndNoLoop() throws Exception {
    write(0, 8 * MIB);
    try (RandomAccessFile other = new RandomAccessFile(path.toFile(), "rw")) {
      other.setLength(MIB);
    }
    assertEquals(NbdError.EIO, failureOf(device.read(MIB - 4096, 8192)));
    assertEquals(NbdError.EIO, failureOf(device.read(4 * MIB, 4096)));
    ByteBuf into = Unpooled.directBuffer(8192);
    try {
      assertFalse(device.tryRead(MIB - 4096, 8192, into));
      assertEquals(0, into.writerIndex());
    } finally {
      into.release();
    }
    ByteBuf rest = await(device.read(0, MIB));
    rest.release();
  }

  @Test
  void holesAndDataAreTold() throws Exception {
    write(MIB, MIB);
    List<Extent> extents = await(device.status(Extent.BASE_ALLOCATION, 0, 8 * MIB, 10));
    long gone = Extent.HOLE | Extent.ZERO;
    assertEquals(
        List.of(new Extent(MIB, gone), new Extent(MIB, 0), new Extent(6 * MIB, gone)), extents);
    assertEquals(
        List.of(new Extent(MIB, gone)), await(device.status(Extent.BASE_ALLOCATION, 0, MIB, 10)));
  }

  @Test
  void trimAndZeroFreeSpaceAndZeroWithoutHolesBooksIt() throws Exception {
    write(0, 4 * MIB);
    await(device.flush());
    assertTrue(allocated() >= 4 * MIB);
    await(device.trim(0, 2 * MIB, 0));
    await(device.zero(2 * MIB, 2 * MIB, 0));
    await(device.flush());
    assertTrue(allocated() < MIB, "allocated " + allocated());
    await(device.zero(0, 4 * MIB, Export.NO_HOLE | Export.FUA));
    assertTrue(allocated() >= 4 * MIB, "allocated " + allocated());
  }

  private long allocated() throws Exception {
    return Posix.stat(path).allocated();
  }

  @Test
  void nothingIsTrimmedZeroedOrCachedInNoTime() throws Exception {
    write(0, MIB);
    await(device.trim(4096, 0, 0));
    await(device.zero(4096, 0, Export.FUA));
    await(device.cache(4096, 0));
    await(device.trim(0, MIB, 0));
    await(device.flush());
    assertTrue(allocated() < MIB, "holes are still made");
  }

  @Test
  void requestsOverTerabytesEndSoon() throws Exception {
    long size = 8L << 40;
    await(device.resize(size));
    assertEquals(size, device.info().size());
    write(size - 4096, 4096);
    write(size / 2, 4096);
    await(device.trim(4096, size / 2, 0));
    await(device.zero(0, size, Export.FUA));
    ByteBuf last = await(device.read(size - 4096, 4096));
    try {
      assertEquals(-1, last.forEachByte(b -> b == 0));
    } finally {
      last.release();
    }
    await(device.resize(MIB));
    assertEquals(MIB, Files.size(path));
  }

  @Test
  void aFileOfNoBytesCanBeOpened() throws Exception {
    Path empty = dir.resolve("empty");
    FileDevice.create(empty, 0);
    BlockDevice none = await(FileDevice.open(empty, threads.context()));
    assertEquals(0, none.info().size());
    await(none.flush());
    await(none.resize(4096));
    ByteBuf read = await(none.read(0, 4096));
    read.release();
    await(none.close());
  }

  @Test
  void openingKeepsWhatIsThere() throws Exception {
    byte[] written = write(0, MIB);
    await(device.close());
    device = await(FileDevice.open(path, threads.context()));
    expect(written);
  }

  @Test
  void whatIsReadOnlyRefusesChangesAndIsRead() throws Exception {
    byte[] written = write(0, MIB);
    await(device.close());
    device = await(FileDevice.open(path, threads.context().asReadOnly(true)));
    assertTrue(device.info().readOnly());
    ByteBuf data = TestBuffers.DIRECT.of(written);
    try {
      assertEquals(NbdError.EPERM, failureOf(device.write(0, data, 0)));
      assertFalse(device.tryWrite(0, data));
    } finally {
      data.release();
    }
    assertEquals(NbdError.EPERM, failureOf(device.trim(0, 4096, 0)));
    assertEquals(NbdError.EPERM, failureOf(device.zero(0, 4096, 0)));
    assertEquals(NbdError.EPERM, failureOf(device.resize(4096)));
    await(device.flush());
    expect(written);
  }

  @Test
  void aClosedDeviceRefusesEverything() throws Exception {
    write(0, MIB);
    await(device.close());
    ByteBuf buffer = Unpooled.directBuffer(4096).writeZero(4096);
    try {
      assertFalse(device.tryWrite(0, buffer));
      assertEquals(NbdError.EIO, failureOf(device.write(0, buffer, 0)));
      assertFalse(device.tryRead(0, 4096, buffer.clear()));
    } finally {
      buffer.release();
    }
    assertNull(device.trySend(0, MIB));
    assertEquals(NbdError.EIO, failureOf(device.read(0, 4096)));
    assertEquals(NbdError.EIO, failureOf(device.flush()));
    assertEquals(NbdError.EIO, failureOf(device.status(Extent.BASE_ALLOCATION, 0, 4096, 1)));
    assertNotNull(device.describe());
  }
}
