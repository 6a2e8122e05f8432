package dev.wherry.path.file;

import static dev.wherry.path.DeviceModel.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.nbd.Export;
import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import dev.wherry.path.BlockDevice;
import dev.wherry.path.DeviceModel;
import dev.wherry.path.HostTools;
import dev.wherry.path.TestContext;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A sparse file that is larger than its file system. */
class FullDiskIT {
  private static final int MIB = 1 << 20;

  @TempDir Path dir;
  private final TestContext threads = new TestContext();
  private HostTools host;
  private BlockDevice device;

  @BeforeEach
  void open() throws Exception {
    host = new HostTools(dir);
    Path image = dir.resolve("image");
    FileDevice.create(image, 64 * MIB);
    host.run("mkfs.ext4", "-q", image.toString());
    Path file = host.mount(host.loop(image)).resolve("file");
    FileDevice.create(file, 256 * MIB);
    device = await(FileDevice.open(file, threads.context()));
  }

  @AfterEach
  void close() throws Exception {
    await(device.close());
    host.close();
    threads.close();
  }

  @ParameterizedTest
  @ValueSource(ints = {0, Export.FUA})
  void aFullDiskIsNoSpaceAndLosesNothing(int flags) throws Exception {
    int written = 0;
    NbdError error = null;
    while (error == null) {
      error = write(written, flags);
      written += error == null ? 1 : 0;
      assertTrue(written < 64, "64 MiB went into a file system of 64 MiB");
    }
    assertEquals(NbdError.ENOSPC, error);
    assertEquals(NbdError.ENOSPC, DeviceModel.failureOf(device.zero(100 * MIB, 64 * MIB, 2)));
    await(device.flush());
    for (int at = 0; at < written; at++) {
      ByteBuf read = await(device.read((long) at * MIB, MIB));
      byte expected = (byte) (at + 1);
      assertEquals(-1, read.forEachByte(b -> b == expected), "MiB " + at);
      read.release();
    }
    await(device.trim(0, 4 * MIB, 0));
    await(device.flush());
    assertEquals(null, write(0, flags), "there is room again");
  }

  private NbdError write(int mib, int flags) throws Exception {
    byte[] bytes = new byte[MIB];
    Arrays.fill(bytes, (byte) (mib + 1));
    ByteBuf data = Unpooled.directBuffer(MIB).writeBytes(bytes);
    try {
      if (flags == 0 && device.tryWrite((long) mib * MIB, data)) {
        return null;
      }
      await(device.write((long) mib * MIB, data, flags));
      return null;
    } catch (NbdException e) {
      return e.error();
    } finally {
      data.release();
    }
  }
}
