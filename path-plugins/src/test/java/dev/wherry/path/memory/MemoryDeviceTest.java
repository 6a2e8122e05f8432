package dev.wherry.path.memory;

import static dev.wherry.path.DeviceModel.await;
import static dev.wherry.path.DeviceModel.failureOf;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.nbd.Export;
import dev.wherry.nbd.Extent;
import dev.wherry.nbd.NbdError;
import dev.wherry.path.BlockDevice;
import dev.wherry.path.BlockDeviceContract;
import dev.wherry.path.TestBuffers;
import io.netty.buffer.ByteBuf;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class MemoryDeviceTest extends BlockDeviceContract {
  private static final int PAGE = Pages.SIZE;
  private final MemoryBudget budget = new MemoryBudget(1 << 30);

  @Override
  protected BlockDevice open() {
    return new MemoryDevice(size(), false, budget);
  }

  @AfterEach
  void everyPageIsGivenBack() throws Exception {
    await(device.close());
    assertEquals(0, budget.taken());
  }

  private static void write(BlockDevice device, long offset, int length) {
    ByteBuf data = TestBuffers.DIRECT.of(new byte[length]);
    assertTrue(device.tryWrite(offset, data));
    data.release();
  }

  @Test
  void onlyPagesThatWereWrittenTakeMemory() throws Exception {
    MemoryDevice huge = new MemoryDevice(MemoryDevice.MAX_SIZE, false, budget);
    write(huge, 0, 1);
    write(huge, MemoryDevice.MAX_SIZE - 1, 1);
    write(huge, (1L << 40) + PAGE - 1, 2);
    assertEquals(4 * PAGE, budget.taken());
    await(huge.trim((1L << 40), PAGE, 0));
    assertEquals(3 * PAGE, budget.taken());
    await(huge.zero(0, MemoryDevice.MAX_SIZE, 0));
    assertEquals(0, budget.taken());
    await(huge.zero(5, 1, Export.NO_HOLE));
    assertEquals(PAGE, budget.taken());
    await(huge.close());
  }

  @Test
  void statusTellsPagesFromHoles() throws Exception {
    write(device, 3 * PAGE + 7, PAGE);
    List<Extent> extents = await(device.status(Extent.BASE_ALLOCATION, 10, 6 * PAGE, 9));
    assertEquals(
        List.of(
            new Extent(3 * PAGE - 10, Extent.HOLE | Extent.ZERO),
            new Extent(2 * PAGE, 0),
            new Extent(PAGE + 10, Extent.HOLE | Extent.ZERO)),
        extents);
  }

  @Test
  void writesFailForLackOfSpaceWhenTheBudgetIsUsedUp() throws Exception {
    MemoryDevice device = new MemoryDevice(10 * PAGE, false, new MemoryBudget(2 * PAGE));
    write(device, 0, 2 * PAGE);
    ByteBuf data = TestBuffers.DIRECT.of(new byte[1]);
    assertFalse(device.tryWrite(2 * PAGE, data));
    assertEquals(NbdError.ENOSPC, failureOf(device.write(2 * PAGE, data, 0)));
    assertEquals(NbdError.ENOSPC, failureOf(device.zero(2 * PAGE, 1, Export.NO_HOLE)));
    await(device.trim(0, PAGE, 0));
    await(device.write(2 * PAGE, data, 0));
    data.release();
    await(device.close());
  }

  @Test
  void whatIsCutOffAndGrowsAgainIsZero() throws Exception {
    ByteBuf data =
        TestBuffers.DIRECT.of("secret".getBytes(java.nio.charset.StandardCharsets.UTF_8));
    await(device.write(1000, data, 0));
    data.release();
    await(device.resize(1002));
    await(device.resize(4096));
    ByteBuf read = await(device.read(1000, 6));
    assertEquals("se\0\0\0\0", read.toString(java.nio.charset.StandardCharsets.UTF_8));
    read.release();
  }

  @Test
  void trimsBesideReadsAndWritesFreeNoPageThatIsBeingCopied() throws Exception {
    List<CompletableFuture<?>> lanes = new ArrayList<>();
    for (int lane = 0; lane < 4; lane++) {
      int n = lane;
      lanes.add(
          CompletableFuture.runAsync(
              () -> {
                ByteBuf data = TestBuffers.DIRECT.of(new byte[PAGE]);
                for (int i = 0; i < 2000; i++) {
                  if (n % 2 == 0) {
                    device.trim(0, 2 * PAGE, 0).join();
                  } else if (n == 1) {
                    device.tryWrite(PAGE / 2, data);
                  } else {
                    device.tryRead(PAGE / 2, PAGE, data.clear());
                  }
                }
                data.release();
              },
              threads.context().workers()));
    }
    await(CompletableFuture.allOf(lanes.toArray(CompletableFuture<?>[]::new)));
    await(device.trim(0, 2 * PAGE, 0));
    assertEquals(0, budget.taken());
  }

  @Test
  void sizesAreParsedAndLimited() throws Exception {
    MemoryPlugin plugin = new MemoryPlugin();
    BlockDevice two = await(plugin.open("memory:2M", threads.context()));
    assertEquals(2 << 20, two.info().size());
    assertEquals("memory:2M", two.describe());
    assertTrue(
        await(plugin.open("memory:1K", threads.context().asReadOnly(true))).info().readOnly());
    for (String bad :
        List.of("memory:", "memory:-1", "memory:1X", "memory:65T", "memory:9999999T")) {
      assertThrows(IllegalArgumentException.class, () -> plugin.open(bad, threads.context()), bad);
    }
  }
}
