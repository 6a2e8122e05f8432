package dev.wherry.path.map;

import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The end of a map's file: records are appended by whoever has them, forced on a worker, many at
 * once. While the file is swapped for a shorter one, appends wait.
 *
 * <p>Guarded by the map's lock, on which this synchronizes itself. Futures complete on a worker,
 * without the lock.
 */
final class Journal {
  private final MapFile file;
  private final Object lock;
  private final Turns turns;

  /** What was appended since a checkpoint was begun, for the new file. */
  private @Nullable List<Records> tail;

  private final List<Runnable> held = new ArrayList<>();
  private boolean swapping;
  private long length;
  private long checkpoint;
  private long forced;
  private @Nullable CompletableFuture<Void> nextForce;
  private @Nullable NbdException broken;

  /**
   * @param length of the file, all of it durable
   * @param checkpoint bytes of it that are no journal
   */
  Journal(MapFile file, long length, long checkpoint, Object lock, Executor worker) {
    this.file = file;
    this.length = length;
    this.checkpoint = checkpoint;
    this.forced = length;
    this.lock = lock;
    this.turns = new Turns(worker);
  }

  /** Why nothing works any more, or null. */
  @Nullable NbdException broken() {
    synchronized (lock) {
      return broken;
    }
  }

  /** Is something appended that a power cut could take? */
  boolean unforced() {
    synchronized (lock) {
      return forced < length;
    }
  }

  /** Bytes since the checkpoint. */
  long sinceCheckpoint() {
    synchronized (lock) {
      return length - checkpoint;
    }
  }

  /** Bytes of the checkpoint. */
  long checkpointLength() {
    synchronized (lock) {
      return checkpoint;
    }
  }

  /**
   * Runs a change that may append, with the lock: now, or when appends are possible again.
   *
   * @param change throws {@link NbdException} to refuse
   */
  <T extends @Nullable Object> CompletableFuture<T> change(Supplier<CompletableFuture<T>> change) {
    synchronized (lock) {
      if (!swapping) {
        return attempt(change);
      }
      CompletableFuture<T> later = new CompletableFuture<>();
      held.add(
          () -> {
            CompletableFuture<T> done;
            synchronized (lock) {
              done = attempt(change);
            }
            done.whenComplete(
                (value, failure) -> {
                  if (failure == null) {
                    later.complete(value);
                  } else {
                    later.completeExceptionally(failure);
                  }
                });
          });
      return later;
    }
  }

  private <T extends @Nullable Object> CompletableFuture<T> attempt(
      Supplier<CompletableFuture<T>> change) {
    if (broken != null) {
      return CompletableFuture.failedFuture(broken);
    }
    try {
      return change.get();
    } catch (NbdException e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  /**
   * With the lock, in a change. In the page cache when it returns.
   *
   * @throws NbdException ENOSPC: nothing was added, try again later; EIO: broken
   */
  void append(Records records) {
    if (records.isEmpty()) {
      return;
    }
    try {
      file.append(records.frame(length, forced));
    } catch (IOException e) {
      if (isFull(e)) {
        throw full(e);
      }
      throw fail("the block map's journal cannot be written", e);
    }
    length += Records.FRAME + records.length();
    if (tail != null) {
      tail.add(records);
    }
  }

  /** There is no room: what was written is in the store still, and the next commit says so. */
  static NbdException full(@Nullable Throwable cause) {
    return NbdException.harmless(NbdError.ENOSPC, "no space for the block map's journal", cause);
  }

  static boolean isFull(IOException e) {
    String message = e.getMessage();
    return message != null
        && (message.contains("No space left") || message.contains("quota exceeded"));
  }

  NbdException fail(String what, Throwable cause) {
    synchronized (lock) {
      if (broken == null) {
        broken = new NbdException(NbdError.EIO, what + ": " + cause.getMessage(), cause);
      }
      return broken;
    }
  }

  /** Makes durable what was appended before the call. */
  CompletableFuture<Void> force() {
    CompletableFuture<Void> group;
    synchronized (lock) {
      if (broken != null) {
        return CompletableFuture.failedFuture(broken);
      }
      if (nextForce != null) {
        return nextForce;
      }
      group = new CompletableFuture<>();
      nextForce = group;
    }
    turns.run(() -> forceNow(group));
    return group;
  }

  private void forceNow(CompletableFuture<Void> group) {
    long target;
    NbdException failure;
    synchronized (lock) {
      nextForce = null;
      target = length;
      failure = broken;
    }
    if (failure == null) {
      try {
        file.force();
        synchronized (lock) {
          forced = Math.max(forced, target);
        }
      } catch (IOException | RuntimeException e) {
        failure = fail("the block map's journal cannot be made durable", e);
      }
    }
    if (failure == null) {
      group.complete(null);
    } else {
      group.completeExceptionally(failure);
    }
  }

  /** With the lock: a checkpoint begins. What is appended from now on is kept for it. */
  long beginTail() {
    tail = new ArrayList<>();
    return length;
  }

  /** The checkpoint is not to be. */
  void dropTail() {
    synchronized (lock) {
      tail = null;
      // So that the next attempt comes only after as much again.
      checkpoint = length;
    }
  }

  /**
   * Swaps the file for what was prepared.
   *
   * @param prepared bytes of it
   * @return fails with ENOSPC where there is no room, and the file goes on as it is; with EIO, and
   *     {@link #broken} for good, for any other reason
   */
  CompletableFuture<Void> swap(long prepared) {
    CompletableFuture<Void> done = new CompletableFuture<>();
    turns.run(
        () -> {
          NbdException failure = swapNow(prepared);
          List<Runnable> now;
          synchronized (lock) {
            swapping = false;
            now = List.copyOf(held);
            held.clear();
          }
          now.forEach(Runnable::run);
          if (failure == null) {
            done.complete(null);
          } else {
            done.completeExceptionally(failure);
          }
        });
    return done;
  }

  private @Nullable NbdException swapNow(long prepared) {
    List<Records> last;
    synchronized (lock) {
      swapping = true;
      last = tail == null ? List.of() : tail;
      tail = null;
    }
    try {
      long end = prepared;
      for (Records records : last) {
        file.prepare(records.frame(end, prepared));
        end += Records.FRAME + records.length();
      }
      file.swap();
      synchronized (lock) {
        checkpoint = prepared;
        length = end;
        forced = end;
      }
      return null;
    } catch (IOException | RuntimeException e) {
      return e instanceof IOException io && isFull(io)
          ? full(e)
          : fail("the block map's file cannot be replaced", e);
    }
  }

  /** Closes the file once all that was begun is done. */
  CompletableFuture<Void> close() {
    CompletableFuture<Void> done = new CompletableFuture<>();
    turns.run(
        () -> {
          try {
            file.close();
            done.complete(null);
          } catch (IOException e) {
            done.completeExceptionally(
                new NbdException(
                    NbdError.EIO, "the block map's file cannot be closed: " + e.getMessage(), e));
          }
        });
    return done;
  }
}
