package dev.wherry.daemon;

import dev.wherry.daemon.catalog.SqliteCatalog;
import java.util.concurrent.CompletableFuture;
import org.slf4j.LoggerFactory;

/**
 * What takes long and needs no configuration: begun before there is one.
 *
 * @param http Vert.x
 * @param sqlite its native library is loaded
 */
public record Prepared(CompletableFuture<Http> http, CompletableFuture<Void> sqlite) {
  /** Begins, on threads of its own; returns at once. */
  public static Prepared begin() {
    // Once, before there are several threads: SLF4J tells on stderr of every race for that.
    LoggerFactory.getILoggerFactory();
    return new Prepared(
        CompletableFuture.supplyAsync(Http::start, Prepared::ownThread),
        CompletableFuture.runAsync(SqliteCatalog::load, Prepared::ownThread));
  }

  /** Runs a task of the start beside the others. */
  static void ownThread(Runnable task) {
    Thread thread = new Thread(task, "wherry-start");
    thread.setDaemon(true);
    thread.start();
  }
}
