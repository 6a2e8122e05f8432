package dev.wherry.path.file;

import static dev.wherry.path.DeviceModel.await;

import dev.wherry.path.BlockDevice;
import dev.wherry.path.BlockDeviceContract;
import dev.wherry.path.HostTools;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;

/** Files keep the contract on file systems that differ in what they can: xfs, btrfs, FUSE. */
class FileSystemsIT {
  abstract static class Mounted extends BlockDeviceContract {
    private final String[] makeFileSystem;
    private HostTools host;

    Mounted(String... makeFileSystem) {
      this.makeFileSystem = makeFileSystem;
    }

    @Override
    protected BlockDevice open() throws Exception {
      host = new HostTools(dir);
      Path image = dir.resolve("image");
      FileDevice.create(image, 400L << 20);
      String[] command = Arrays.copyOf(makeFileSystem, makeFileSystem.length + 1);
      command[makeFileSystem.length] = image.toString();
      host.run(command);
      Path file = host.mount(host.loop(image)).resolve("file");
      FileDevice.create(file, size());
      return await(FileDevice.open(file, threads.context()));
    }

    @AfterEach
    void unmount() throws Exception {
      await(device.close());
      host.close();
    }
  }

  @Nested
  class Xfs extends Mounted {
    Xfs() {
      super("mkfs.xfs", "-q");
    }
  }

  @Nested
  class Btrfs extends Mounted {
    Btrfs() {
      super("mkfs.btrfs", "-q");
    }
  }

  /** Neither lists allocation nor punches, and its size is not ours to change. */
  @Nested
  class Fuse extends BlockDeviceContract {
    private HostTools host;

    @Override
    protected BlockDevice open() throws Exception {
      host = new HostTools(dir);
      Path socket = host.nbdkit("--filter=noextents", "memory", Integer.toString(size()));
      return await(FileDevice.open(host.fuse(socket), threads.context()));
    }

    @AfterEach
    void unmount() throws Exception {
      await(device.close());
      host.close();
    }
  }
}
