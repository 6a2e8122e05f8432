package dev.wherry.daemon.catalog;

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.sqlite.SQLiteErrorCode;

/**
 * The one thread that writes the catalog. It takes all changes that wait, makes them in one
 * transaction, commits once, and completes all their futures: a commit costs a sync of the disk,
 * whether it holds one change or a hundred.
 *
 * <p>A change that fails is rolled back alone. A commit that fails fails the writer for good: what
 * lies on the disk is then unknown, and trying again would only pretend otherwise. A full disk is
 * different: SQLite rolls back, the changes are made once more in the room that was kept for that,
 * and where there is none the next change may find room.
 */
final class CatalogWriter {
  /** A change of the catalog, within a transaction. */
  interface Change {
    void apply(Connection db) throws SQLException;
  }

  /** Room that is kept for the catalog. Called on the writer's thread; may block. */
  interface Reserve {
    /** None is kept. */
    Reserve NONE =
        new Reserve() {
          @Override
          public boolean giveUp() {
            return false;
          }

          @Override
          public boolean refill() {
            return true;
          }
        };

    /** Makes room; false where nothing is kept any more. */
    boolean giveUp();

    /** Keeps room again; false while there is too little of it. */
    boolean refill();
  }

  private record Pending(Change change, CompletableFuture<Void> done) {}

  private static final Logger log = LoggerFactory.getLogger(CatalogWriter.class);
  private static final int MOST_WAITING = 4096;
  private static final int MOST_PER_COMMIT = 256;

  /** Commits after which the log is moved into the file. */
  private static final int CHECKPOINT_EVERY = 16;

  private static final long REFILL_NANOS = TimeUnit.SECONDS.toNanos(30);
  private static final Pending STOP = new Pending(db -> {}, new CompletableFuture<>());

  private final Connection db;
  private final Reserve reserve;
  private final BlockingQueue<Pending> queue = new ArrayBlockingQueue<>(MOST_WAITING);
  private final Thread thread = new Thread(this::run, "wherry-catalog");
  private final java.util.concurrent.atomic.AtomicLong commits =
      new java.util.concurrent.atomic.AtomicLong();
  private volatile @Nullable CatalogException failed;
  private boolean stopping;
  private boolean reserved;
  private int unmoved;
  private long refilled;

  CatalogWriter(Connection db, Reserve reserve) {
    this.db = db;
    this.reserve = reserve;
    thread.setDaemon(true);
  }

  void start() {
    thread.start();
  }

  /** Any thread; never blocks. */
  CompletableFuture<Void> submit(Change change) {
    Pending p = new Pending(change, new CompletableFuture<>());
    synchronized (this) {
      if (stopping) {
        return CompletableFuture.failedFuture(new CatalogException("the catalog is closed"));
      }
      if (!queue.offer(p)) {
        return CompletableFuture.failedFuture(
            new CatalogException("the catalog has " + MOST_WAITING + " changes waiting"));
      }
    }
    return p.done;
  }

  /** How many transactions were committed. */
  long commits() {
    return commits.get();
  }

  /** Finishes what was submitted; waits at most ten seconds. */
  void stop() {
    synchronized (this) {
      if (!stopping) {
        stopping = true;
        // The thread empties the queue, so there will be room.
        while (!queue.offer(STOP)) {
          Thread.onSpinWait();
        }
      }
    }
    try {
      thread.join(TimeUnit.SECONDS.toMillis(10));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    if (thread.isAlive()) {
      log.error("the catalog's last commit did not end within 10 s");
    }
  }

  private void run() {
    List<Pending> group = new ArrayList<>();
    try {
      refill();
      boolean open = true;
      while (open) {
        group.add(queue.take());
        queue.drainTo(group, MOST_PER_COMMIT - 1);
        open = !group.remove(STOP);
        if (!group.isEmpty()) {
          commit(group, true);
        }
        group.clear();
        if (queue.isEmpty() && unmoved >= CHECKPOINT_EVERY) {
          checkpoint();
        }
        if (!reserved && System.nanoTime() - refilled >= REFILL_NANOS) {
          refill();
        }
      }
    } catch (InterruptedException e) {
      log.error("the catalog's thread was interrupted", e);
    }
  }

  /**
   * Moves the log into the file while nobody waits, so that the log starts over in the space that
   * it has: a commit that makes its file longer waits for the file system's journal, and with that
   * for what hosts have written.
   */
  private void checkpoint() {
    unmoved = 0;
    try (Statement s = db.createStatement()) {
      s.execute("PRAGMA wal_checkpoint(PASSIVE)");
    } catch (SQLException e) {
      log.debug("the catalog's log stays as long as it is: {}", e.toString());
    }
  }

  private void refill() {
    reserved = reserve.refill();
    refilled = System.nanoTime();
  }

  /** What a full disk gets in the way of is made once more where room was kept for it. */
  private void commit(List<Pending> group, boolean first) {
    CatalogException broken = failed;
    if (broken != null) {
      group.forEach(p -> p.done.completeExceptionally(broken));
      return;
    }
    List<CompletableFuture<Void>> done = new ArrayList<>(group.size());
    try {
      db.setAutoCommit(false);
      for (Pending p : group) {
        // One that was refused before the disk was found full stays refused.
        if (!p.done.isDone() && (group.size() == 1 ? applyAlone(p) : apply(p))) {
          done.add(p.done);
        }
      }
      if (done.isEmpty()) {
        unlessNoTransaction(db::commit); // All were refused.
      } else {
        db.commit();
      }
      db.setAutoCommit(true);
      commits.incrementAndGet();
      unmoved++;
    } catch (SQLException e) {
      boolean undone = isFull(e) && rolledBack();
      if (undone && first && reserve.giveUp()) {
        reserved = false;
        refilled = System.nanoTime();
        commit(group, false);
        return;
      }
      CatalogException failure = undone ? full(e) : broken(e);
      group.forEach(p -> p.done.completeExceptionally(failure));
      return;
    }
    done.forEach(f -> f.complete(null));
  }

  /** As {@link #apply}; there is nothing else that would have to stay. */
  private boolean applyAlone(Pending p) throws SQLException {
    try {
      p.change.apply(db);
      return true;
    } catch (SQLException e) {
      if (isFull(e)) {
        throw e;
      }
      if (e.getErrorCode() == 0) {
        unlessNoTransaction(db::rollback); // It may not have come to a statement.
      } else {
        db.rollback(); // Fails where SQLite has ended the transaction, for a reason of its own.
      }
      refuse(p, e);
      return false;
    }
  }

  private static void refuse(Pending p, SQLException e) {
    p.done.completeExceptionally(new CatalogException("the catalog refuses the change: " + e, e));
  }

  private boolean apply(Pending p) throws SQLException {
    Savepoint before = db.setSavepoint();
    try {
      p.change.apply(db);
      db.releaseSavepoint(before);
      return true;
    } catch (SQLException e) {
      if (isFull(e)) {
        // SQLite has rolled back all of the transaction, the savepoint included.
        throw e;
      }
      db.rollback(before);
      refuse(p, e);
      return false;
    }
  }

  /** "The database or disk is full": SQLite has written nothing that counts. */
  private static boolean isFull(SQLException e) {
    return (e.getErrorCode() & 0xff) == SQLiteErrorCode.SQLITE_FULL.code;
  }

  /** Ends the transaction, which SQLite may have ended by itself. */
  private boolean rolledBack() {
    try {
      unlessNoTransaction(db::rollback);
      unlessNoTransaction(() -> db.setAutoCommit(true));
      return db.getAutoCommit();
    } catch (SQLException e) {
      log.error("the catalog cannot be rolled back", e);
      return false;
    }
  }

  private interface Step {
    void run() throws SQLException;
  }

  private static void unlessNoTransaction(Step step) throws SQLException {
    try {
      step.run();
    } catch (SQLException e) {
      if (!String.valueOf(e.getMessage()).contains("no transaction is active")) {
        throw e;
      }
    }
  }

  private static CatalogException full(SQLException e) {
    return new CatalogException("no space for the catalog: " + e.getMessage(), e, true);
  }

  private CatalogException broken(SQLException e) {
    CatalogException failure = new CatalogException("the catalog cannot commit: " + e, e);
    failed = failure;
    log.error("the catalog cannot commit; no change is accepted until a restart", e);
    return failure;
  }
}
