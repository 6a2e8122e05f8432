package dev.wherry.path.io;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class WriteLaneTest {
  @TempDir Path dir;
  private final Queue<Runnable> tasks = new ArrayDeque<>();
  private final WriteLane lane = new WriteLane(new Blocking(tasks::add));
  private Path file;
  private int fd;

  @BeforeEach
  void open() throws Exception {
    file = Files.createFile(dir.resolve("file"));
    fd = Posix.open(file, Posix.O_RDWR);
  }

  @AfterEach
  void close() throws Exception {
    Posix.close(fd);
  }

  private static ByteBuf bytes(int value) {
    return Unpooled.directBuffer(1).writeByte(value);
  }

  private CompletableFuture<Void> write(WriteLane to, int descriptor, int at) {
    ByteBuf data = bytes(at);
    return to.write(descriptor, at, data).whenComplete((v, failure) -> data.release());
  }

  @Test
  void whatWaitsTogetherIsWrittenInOrderOnOneThread() throws Exception {
    List<Integer> ended = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      int at = i;
      write(lane, fd, at).thenRun(() -> ended.add(at));
    }
    assertEquals(1, tasks.size());
    tasks.remove().run();
    assertEquals(List.of(0, 1, 2, 3), ended);
    assertArrayEquals(new byte[] {0, 1, 2, 3}, Files.readAllBytes(file));
    write(lane, fd, 4);
    assertEquals(1, tasks.size());
    tasks.remove().run();
    assertEquals(5, Files.size(file));
  }

  @Test
  void aWriteThatFailsKeepsNoOtherBack() {
    CompletableFuture<Void> bad = write(lane, 1 << 20, 0);
    CompletableFuture<Void> good = write(lane, fd, 1);
    tasks.remove().run();
    assertTrue(bad.isDone());
    assertInstanceOf(
        PosixException.class, assertThrows(CompletionException.class, bad::join).getCause());
    assertTrue(good.isDone() && !good.isCompletedExceptionally());
  }

  @Test
  void aWriteThatFollowsFromOneThatEndsIsNotLost() {
    CompletableFuture<Void> second = write(lane, fd, 0).thenCompose(v -> write(lane, fd, 1));
    tasks.remove().run();
    assertTrue(second.isDone());
    assertTrue(tasks.isEmpty());
  }

  @Test
  void aPoolThatTakesNothingFailsTheWriteAndNotTheNext() {
    AtomicBoolean closed = new AtomicBoolean(true);
    AtomicInteger runs = new AtomicInteger();
    WriteLane other =
        new WriteLane(
            new Blocking(
                task -> {
                  if (closed.get()) {
                    throw new RejectedExecutionException("closed");
                  }
                  runs.incrementAndGet();
                  task.run();
                }));
    CompletableFuture<Void> refused = write(other, fd, 0);
    assertTrue(refused.isDone());
    assertInstanceOf(
        RejectedExecutionException.class,
        assertThrows(CompletionException.class, refused::join).getCause());
    closed.set(false);
    CompletableFuture<Void> next = write(other, fd, 0);
    assertTrue(next.isDone() && !next.isCompletedExceptionally());
    assertEquals(1, runs.get());
  }
}
