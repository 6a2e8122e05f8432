package dev.wherry.path.io;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.wherry.path.TestBuffers;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class UringEngineTest {
  @TempDir Path dir;
  private final UringEngine engine = UringEngine.open();
  private int fd;

  @BeforeEach
  void open() throws Exception {
    fd = Posix.open(dir.resolve("file"), Posix.O_RDWR | Posix.O_CREAT);
  }

  @AfterEach
  void close() throws Exception {
    engine.close();
    Posix.close(fd);
  }

  @Test
  void moreRequestsThanTheRingHoldsAllEnd() throws Exception {
    int count = 3000;
    Random random = new Random(1);
    List<CompletableFuture<Void>> all = new ArrayList<>();
    List<ByteBuf> lent = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      ByteBuf data = TestBuffers.any(random).of(new byte[] {(byte) i, 1, 2, 3});
      lent.add(data);
      all.add(engine.write(fd, i * 4L, data, 0));
    }
    all.add(engine.sync(fd));
    CompletableFuture.allOf(all.toArray(CompletableFuture[]::new)).get(60, TimeUnit.SECONDS);
    lent.forEach(ByteBuf::release);
    byte[] written = Files.readAllBytes(dir.resolve("file"));
    assertEquals(count * 4, written.length);
    for (int i = 0; i < count; i++) {
      assertEquals((byte) i, written[i * 4]);
    }
  }

  @Test
  void aReadPastTheEndIsAnError() throws Exception {
    Files.write(dir.resolve("file"), new byte[100]);
    ByteBuf into = Unpooled.directBuffer(200);
    try {
      ExecutionException e =
          assertThrows(
              ExecutionException.class,
              () -> engine.read(fd, 0, into, 200).get(60, TimeUnit.SECONDS));
      assertEquals(Errno.EIO, ((PosixException) e.getCause()).errno());
      engine.read(fd, 0, into, 100).get(60, TimeUnit.SECONDS);
    } finally {
      into.release();
    }
  }

  @Test
  void enginesShareTheRingAndTheLastOneClosesIt() throws Exception {
    UringEngine other = UringEngine.open();
    other.close();
    engine.sync(fd).get(60, TimeUnit.SECONDS);
  }

  @Test
  void errorsOfTheKernelAreTold() throws Exception {
    ExecutionException e =
        assertThrows(
            ExecutionException.class, () -> engine.sync(1_000_000).get(60, TimeUnit.SECONDS));
    assertEquals(9, ((PosixException) e.getCause()).errno());
  }
}
