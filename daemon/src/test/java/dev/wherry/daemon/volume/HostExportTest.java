package dev.wherry.daemon.volume;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import dev.wherry.path.Answers;
import dev.wherry.path.ForwardingDevice;
import dev.wherry.path.memory.MemoryDevice;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** A loss that one connection was told of is told to the others. */
class HostExportTest {
  private final AtomicLong failedAt = new AtomicLong(3);
  private boolean fails;

  private final ForwardingDevice volume =
      new ForwardingDevice(new MemoryDevice(4096)) {
        @Override
        public CompletableFuture<Void> flush() {
          return fails ? Answers.failed(NbdError.EIO, "lost") : Answers.done();
        }
      };

  private HostExport attach() {
    return new HostExport(volume, failedAt::get);
  }

  private static void expectFailure(HostExport host) {
    Throwable cause = assertThrows(CompletionException.class, () -> host.flush().join()).getCause();
    assertEquals(NbdError.EIO, NbdException.errorOf(cause));
  }

  @Test
  void everyConnectionIsToldOnceOfALoss() {
    HostExport one = attach();
    HostExport other = attach();
    fails = true;
    failedAt.set(4);
    expectFailure(one);
    fails = false;
    one.flush().join();
    expectFailure(other);
    other.flush().join();
    volume.close().join();
  }

  @Test
  void whoComesLaterIsNotTold() {
    failedAt.set(4);
    attach().flush().join();
    assertTrue(attach().flush().isDone());
    volume.close().join();
  }
}
