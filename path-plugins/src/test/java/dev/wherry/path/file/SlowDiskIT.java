package dev.wherry.path.file;

import static dev.wherry.path.DeviceModel.await;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.path.BlockDevice;
import dev.wherry.path.DeviceContext;
import dev.wherry.path.DeviceContext.Engine;
import dev.wherry.path.HostTools;
import dev.wherry.path.TestContext;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * A disk that answers nothing for a while: a file system on a loop device with direct I/O, on
 * nbdfuse, on nbdkit whose pause filter holds every request. The event loop goes on serving another
 * file meanwhile.
 */
class SlowDiskIT {
  private static final int MIB = 1 << 20;
  private static final int COLD = 48 * MIB;

  @TempDir Path dir;
  private final TestContext threads = new TestContext();
  private HostTools host;
  private Path control;
  private byte[] content;
  private Path coldFile;

  @BeforeEach
  void mountColdFile() throws Exception {
    host = new HostTools(dir);
    Path image = dir.resolve("image");
    FileDevice.create(image, 128L * MIB);
    host.run("mkfs.ext4", "-q", image.toString());
    content = new byte[COLD];
    new Random(3).nextBytes(content);
    try (HostTools first = new HostTools(Files.createDirectory(dir.resolve("filling")))) {
      Path mounted = first.mount(first.loop(image));
      Files.write(mounted.resolve("file"), content);
    }
    control = dir.resolve("pause.sock");
    Path socket =
        host.nbdkit("--filter=pause", "file", image.toString(), "pause-control=" + control);
    Path loop = host.loop(host.fuse(socket), "--direct-io=on");
    coldFile = host.mount(loop).resolve("file");
  }

  @AfterEach
  void unmount() throws Exception {
    host.close();
    threads.close();
  }

  /** Opening the file looks at its first byte, and the kernel reads on from there. */
  private static int offset(int number) {
    return 2 * MIB + number * ((COLD - 4 * MIB) / 600) / 4096 * 4096;
  }

  @ParameterizedTest
  @EnumSource(Engine.class)
  void whileColdReadsWaitTheLoopServesOthers(Engine engine) throws Exception {
    DeviceContext context = threads.with(engine);
    Path hotFile = Files.write(dir.resolve("hot"), new byte[MIB]);
    BlockDevice hot = await(FileDevice.open(hotFile, context));
    BlockDevice cold = await(FileDevice.open(coldFile, context));
    HostTools.tell(control, 'p');
    List<CompletableFuture<ByteBuf>> waiting = new ArrayList<>();
    int[] hotReads = {0};
    try {
      // All on the one event loop: had one of the cold attempts waited, it would never end.
      context
          .loops()
          .submit(
              () -> {
                for (int i = 0; i < 600; i++) {
                  int offset = offset(i);
                  ByteBuf into = Unpooled.directBuffer(8192);
                  assertFalse(cold.tryRead(offset, 4096, into), "cold read at " + offset);
                  into.release();
                  assertNull(cold.trySend(offset, 131_072));
                  ByteBuf part = Unpooled.wrappedBuffer(new byte[100]);
                  assertFalse(cold.tryWrite(offset + 10, part), "has to read a page first");
                  if (i % 30 == 0) {
                    waiting.add(cold.read(offset, 4096));
                  }
                  ByteBuf answer = Unpooled.directBuffer(4096);
                  hotReads[0] += hot.tryRead(i * 1024L, 4096, answer) ? 1 : 0;
                  answer.release();
                }
              })
          .get(60, TimeUnit.SECONDS);
      assertEquals(600, hotReads[0], "reads of the other file");
      assertTrue(waiting.stream().noneMatch(CompletableFuture::isDone), "the disk is paused");
    } finally {
      HostTools.tell(control, 'r');
    }
    for (int i = 0; i < waiting.size(); i++) {
      int offset = offset(i * 30);
      ByteBuf read = await(waiting.get(i));
      byte[] got = ByteBufUtil.getBytes(read);
      read.release();
      assertArrayEquals(Arrays.copyOfRange(content, offset, offset + 4096), got);
    }
    await(hot.close());
    await(cold.close());
  }
}
