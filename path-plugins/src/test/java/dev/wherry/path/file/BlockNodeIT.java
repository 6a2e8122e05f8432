package dev.wherry.path.file;

import static dev.wherry.path.DeviceModel.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.wherry.nbd.NbdError;
import dev.wherry.path.BlockDevice;
import dev.wherry.path.BlockDeviceContract;
import dev.wherry.path.DeviceContext.Engine;
import dev.wherry.path.DeviceException;
import dev.wherry.path.DeviceException.Reason;
import dev.wherry.path.DeviceModel;
import dev.wherry.path.HostTools;
import java.nio.file.Path;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

/** A block device of the host (a loop device) keeps the contract, at every offset and length. */
class BlockNodeIT {
  abstract static class OnLoop extends BlockDeviceContract {
    private final Engine engine;
    private HostTools host;
    private Path node;

    OnLoop(Engine engine) {
      this.engine = engine;
    }

    @Override
    protected int size() {
      return (6 << 20) + 512 * 25;
    }

    @Override
    protected BlockDevice open() throws Exception {
      host = new HostTools(dir);
      Path file = dir.resolve("disk");
      FileDevice.create(file, size());
      node = host.loop(file);
      return await(FileDevice.open(node, threads.with(engine)));
    }

    @AfterEach
    void detach() throws Exception {
      await(device.close());
      host.close();
    }

    @Test
    void itsSizeIsNotOursToChange() throws Exception {
      assertEquals(NbdError.ENOTSUP, DeviceModel.failureOf(device.resize(4096)));
    }

    @Test
    void aDiskThatIsInUseIsRefused() throws Exception {
      refused();
      await(device.close());
      host.run("mkfs.ext4", "-q", node.toString());
      Path mounted = host.mount(node);
      refused();
      host.run("umount", mounted.toString());
      device = await(FileDevice.open(node, threads.with(engine)));
    }

    private void refused() {
      ExecutionException e =
          assertThrows(
              ExecutionException.class,
              () -> FileDevice.open(node, threads.with(engine)).get(60, TimeUnit.SECONDS));
      DeviceException cause = (DeviceException) e.getCause();
      assertEquals(Reason.IN_USE, cause.reason(), cause.getMessage());
    }
  }

  @Nested
  class ByThePool extends OnLoop {
    ByThePool() {
      super(Engine.POOL);
    }
  }

  @Nested
  class ByUring extends OnLoop {
    ByUring() {
      super(Engine.URING);
    }
  }
}
