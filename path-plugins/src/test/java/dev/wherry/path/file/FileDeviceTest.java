package dev.wherry.path.file;

import static dev.wherry.path.DeviceModel.await;

import dev.wherry.path.BlockDevice;
import dev.wherry.path.BlockDeviceContract;
import dev.wherry.path.DeviceContext.Engine;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;

/** Files keep the contract on every engine, on a disk's file system and in memory. */
class FileDeviceTest {
  abstract static class OnDisk extends BlockDeviceContract {
    private final Engine engine;

    OnDisk(Engine engine) {
      this.engine = engine;
    }

    @Override
    protected BlockDevice open() throws Exception {
      Path path = dir.resolve("file");
      FileDevice.create(path, size());
      return await(FileDevice.open(path, threads.with(engine)));
    }
  }

  abstract static class InMemory extends BlockDeviceContract {
    private final Engine engine;
    private Path path;

    InMemory(Engine engine) {
      this.engine = engine;
    }

    @Override
    protected BlockDevice open() throws Exception {
      Path made = Files.createTempFile(Path.of("/dev/shm"), "wherry-test", ".img");
      Files.delete(made);
      path = made;
      FileDevice.create(path, size());
      return await(FileDevice.open(path, threads.with(engine)));
    }

    @AfterEach
    void delete() throws IOException {
      Files.deleteIfExists(path);
    }
  }

  @Nested
  class OnDiskByThePool extends OnDisk {
    OnDiskByThePool() {
      super(Engine.POOL);
    }
  }

  @Nested
  class OnDiskByUring extends OnDisk {
    OnDiskByUring() {
      super(Engine.URING);
    }
  }

  @Nested
  class OnDiskByTheBetterOne extends OnDisk {
    OnDiskByTheBetterOne() {
      super(Engine.AUTO);
    }
  }

  @Nested
  class InMemoryByThePool extends InMemory {
    InMemoryByThePool() {
      super(Engine.POOL);
    }
  }

  @Nested
  class InMemoryByUring extends InMemory {
    InMemoryByUring() {
      super(Engine.URING);
    }
  }

  @Nested
  class InMemoryByTheBetterOne extends InMemory {
    InMemoryByTheBetterOne() {
      super(Engine.AUTO);
    }
  }
}
