package dev.wherry.path.shared;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.RejectedExecutionException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FileBatchLogTest {
  @TempDir Path directory;

  private FileBatchLog log() {
    return new FileBatchLog(directory.resolve("v.batch"), Runnable::run, system -> 0);
  }

  private static ByteBuf data(byte[] bytes) {
    return ByteBufAllocator.DEFAULT.buffer(bytes.length).writeBytes(bytes);
  }

  private static NbdException failure(CompletableFuture<?> of) {
    return (NbdException) assertThrows(CompletionException.class, of::join).getCause();
  }

  @Test
  void whatIsOnlyReadForcedOrCutMakesNoFile() {
    FileBatchLog log = log();
    assertEquals(0, Bytes.take(log.read(0, 100)).length);
    log.truncate(0).join();
    log.force().join();
    log.close().join();
    assertFalse(Files.exists(directory.resolve("v.batch")));
  }

  @Test
  void whatWasWrittenIsReadByTheNextWhoOpensIt() throws IOException {
    byte[] bytes = Bytes.of(1, 5000);
    FileBatchLog log = log();
    log.write(8192, data(bytes)).join();
    log.force().join();
    log.close().join();
    FileBatchLog next = log();
    assertArrayEquals(bytes, Bytes.take(next.read(8192, 5000)));
    assertArrayEquals(new byte[8192], Bytes.take(next.read(0, 8192)), "the gap before it");
    next.close().join();
    assertEquals(8192 + 5000, Files.size(directory.resolve("v.batch")));
  }

  @Test
  void aReadEndsWhereTheFileDoes() {
    FileBatchLog log = log();
    log.write(0, data(new byte[100])).join();
    assertEquals(40, Bytes.take(log.read(60, 500)).length);
    assertEquals(0, Bytes.take(log.read(100, 1)).length);
    log.truncate(10).join();
    assertEquals(10, Bytes.take(log.read(0, 500)).length);
    log.close().join();
  }

  @Test
  void theDataIsReleasedWhetherItWasWrittenOrNot() {
    FileBatchLog nowhere =
        new FileBatchLog(directory.resolve("no/such/place"), Runnable::run, system -> 0);
    ByteBuf lost = data(new byte[10]);
    assertEquals(NbdError.EIO, failure(nowhere.write(0, lost)).error());
    assertEquals(0, lost.refCnt());
    FileBatchLog log = log();
    ByteBuf written = data(new byte[10]);
    log.write(0, written).join();
    assertEquals(0, written.refCnt());
    log.close().join();
  }

  @Test
  void aFailureNamesTheFile() {
    FileBatchLog nowhere =
        new FileBatchLog(directory.resolve("no/such/place"), Runnable::run, system -> 0);
    String text = String.valueOf(failure(nowhere.write(0, data(new byte[1]))).getMessage());
    assertTrue(text.contains("no/such/place"), text);
  }

  @Test
  void whatLeavesNoRoomForTheStoreIsNotTaken() throws IOException {
    Path file = directory.resolve("v.batch");
    FileBatchLog log = log();
    log.write(0, data(new byte[8192])).join();
    log.close().join();
    FileBatchLog full = new FileBatchLog(file, Runnable::run, system -> Long.MAX_VALUE / 2);
    NbdException why = failure(full.write(8192, data(new byte[4096])));
    assertEquals(NbdError.ENOSPC, why.error());
    String text = String.valueOf(why.getMessage());
    assertTrue(text.contains("v.batch") && text.contains("needs 16384 more"), text);
    full.write(100, data(new byte[4096])).join();
    full.close().join();
    assertEquals(8192, Files.size(file));
  }

  @Test
  void whenTheDaemonEndsItIsShuttingDown() {
    FileBatchLog log =
        new FileBatchLog(
            directory.resolve("v.batch"),
            task -> {
              throw new RejectedExecutionException();
            },
            system -> 0);
    ByteBuf lost = data(new byte[10]);
    assertEquals(NbdError.ESHUTDOWN, failure(log.write(0, lost)).error());
    assertEquals(0, lost.refCnt());
    assertEquals(NbdError.ESHUTDOWN, failure(log.close()).error());
  }
}
