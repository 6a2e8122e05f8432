package dev.wherry.path.alias;

import static dev.wherry.path.DeviceModel.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.nbd.NbdError;
import dev.wherry.path.BlockDevice;
import dev.wherry.path.BlockDeviceContract;
import dev.wherry.path.DeviceContext;
import dev.wherry.path.DeviceException;
import dev.wherry.path.DeviceException.Reason;
import dev.wherry.path.DeviceModel;
import dev.wherry.path.Volume;
import dev.wherry.path.VolumeState;
import dev.wherry.path.local.LocalHandler;
import dev.wherry.path.memory.MemoryDevice;
import io.netty.buffer.ByteBuf;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import org.junit.jupiter.api.Test;

class AliasDeviceTest extends BlockDeviceContract {
  private final Map<String, Volume> volumes = new ConcurrentHashMap<>();
  private final AliasPlugin plugin = new AliasPlugin();
  private final Volume target = add("target", new MemoryDevice(size()));

  private Volume add(String suid, BlockDevice backing) {
    Volume volume = new Volume(suid, new LocalHandler(backing));
    volumes.put(suid, volume);
    return volume;
  }

  private DeviceContext contextFor(String suid) {
    DeviceContext c = threads.context();
    return new DeviceContext(
        c.loops(),
        c.workers(),
        c.engine(),
        c.ioTimeout(),
        null,
        name -> Optional.ofNullable(volumes.get(name)),
        false,
        suid);
  }

  private BlockDevice alias(String of, String suid) throws Exception {
    return await(plugin.open("wherry:" + of, contextFor(suid)));
  }

  private DeviceException refusal(String of, String suid) {
    ExecutionException e = assertThrows(ExecutionException.class, () -> alias(of, suid));
    return assertInstanceOf(DeviceException.class, e.getCause());
  }

  @Override
  protected BlockDevice open() throws Exception {
    return alias("target", "above");
  }

  @Test
  void itsRequestsWaitWhileTheTargetIsSuspended() throws Exception {
    await(target.suspend());
    CompletableFuture<ByteBuf> read = device.read(0, 1);
    assertFalse(read.isDone());
    target.resume();
    await(read).release();
  }

  @Test
  void theConnectionsAboveLetGoWhenTheTargetIsSuspended() throws Exception {
    Volume above = add("above", device);
    CompletableFuture<Void> copied = new CompletableFuture<>();
    above.addSuspendListener(() -> copied);
    CompletableFuture<Void> suspended = target.suspend();
    assertFalse(suspended.isDone());
    assertEquals(VolumeState.ONLINE, above.state());
    copied.complete(null);
    await(suspended);
  }

  @Test
  void closingItLeavesTheTargetOpenAndNoLongerInUse() throws Exception {
    assertEquals(List.of("volume above is an alias of it"), target.uses());
    assertThrows(IllegalStateException.class, target::retire);
    List<String> asked = new ArrayList<>();
    Volume above = add("above", device);
    above.addSuspendListener(
        () -> {
          asked.add("above");
          return CompletableFuture.completedFuture(null);
        });
    await(device.close());
    assertEquals(List.of(), target.uses());
    await(target.read(0, 1)).release();
    await(target.suspend());
    assertEquals(List.of(), asked);
    target.retire();
    assertEquals(Reason.UNAVAILABLE, refusal("target", "late").reason());
  }

  @Test
  void itDescribesItselfAndFollowsTheSizeOfTheTarget() throws Exception {
    assertEquals("wherry:target", device.describe());
    await(target.resize(8192));
    assertEquals(8192, device.info().size());
    assertEquals(NbdError.ENOTSUP, DeviceModel.failureOf(device.resize(4096)));
    BlockDevice readOnly = await(plugin.open("wherry:target", contextFor("ro").asReadOnly(true)));
    assertTrue(readOnly.info().readOnly());
    assertFalse(target.info().readOnly());
  }

  @Test
  void aVolumeIsNoAliasOfItself() {
    assertEquals(Reason.UNSUITABLE, refusal("target", "target").reason());
    assertEquals(List.of("volume above is an alias of it"), target.uses());
  }

  @Test
  void aRingOfAliasesIsRefused() throws Exception {
    add("above", device);
    add("top", alias("above", "top"));
    DeviceException e = refusal("top", "target");
    assertEquals(Reason.UNSUITABLE, e.reason());
    assertEquals(
        "wherry:top: volume top would be an alias of itself, by way of target", e.getMessage());
    assertEquals(List.of(), volumes.get("top").uses());
  }

  @Test
  void aTargetThatIsNotThereIsNamed() {
    DeviceException e = refusal("nobody", "above");
    assertEquals(Reason.MISSING, e.reason());
    assertEquals("wherry:nobody: there is no volume nobody here", e.getMessage());
    for (String bad : List.of("wherry:", "wherry:-a", "wherry://node", "wherry:a b")) {
      assertThrows(
          IllegalArgumentException.class, () -> plugin.open(bad, contextFor("above")), bad);
    }
  }
}
