package dev.wherry.daemon;

import dev.wherry.daemon.catalog.Catalog;
import dev.wherry.daemon.catalog.CatalogException;
import dev.wherry.daemon.catalog.SqliteCatalog;
import dev.wherry.daemon.config.Configuration;
import dev.wherry.daemon.process.DataDirectory;
import dev.wherry.daemon.process.DataLock;
import dev.wherry.daemon.process.StartException;
import dev.wherry.path.Plugins;
import io.netty.channel.EventLoopGroup;
import java.time.Clock;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/**
 * What all parts of the daemon stand on.
 *
 * @param data locked: no other daemon uses it
 * @param loops of all sockets but REST's
 * @param workers for files; may block
 */
record Base(
    DataDirectory data,
    TlsSettings tls,
    EventLoopGroup loops,
    ThreadPoolExecutor workers,
    Plugins plugins,
    Http http,
    Catalog catalog) {

  /**
   * Takes the data directory, reads what is there, starts threads. Blocks.
   *
   * @param stops gets what undoes it, also where this fails halfway
   */
  static Base lay(Configuration config, Prepared prepared, Stops stops) {
    stops.pushAction(() -> prepared.http().join().close().get(5, TimeUnit.SECONDS));
    return lay(config, prepared, () -> Loops.create(config.io()), stops);
  }

  /**
   * As the other one, where what was prepared stays another's.
   *
   * @param maker makes the event loops
   */
  static Base lay(
      Configuration config, Prepared prepared, Supplier<EventLoopGroup> maker, Stops stops) {
    DataDirectory data = new DataDirectory(config.data());
    data.create();
    DataLock lock = DataLock.take(data);
    stops.pushAction(lock::close);
    TlsSettings tls = TlsSettings.read(config);

    CompletableFuture<Catalog> catalogOpening =
        prepared
            .sqlite()
            .thenApplyAsync(
                v -> SqliteCatalog.open(data, config.node(), Clock.systemUTC()),
                Prepared::ownThread);
    EventLoopGroup loops = maker.get();
    stops.push(() -> loops.shutdownGracefully(0, 2, TimeUnit.SECONDS).await(4000));
    ThreadPoolExecutor workers = Pools.workers();
    Plugins plugins = Plugins.load(data.plugins());
    stops.push(
        () -> {
          plugins.close();
          workers.shutdown();
          return workers.awaitTermination(5, TimeUnit.SECONDS);
        });

    Http http = prepared.http().join();
    Catalog catalog = catalog(catalogOpening);
    stops.pushAction(catalog::close);
    return new Base(data, tls, loops, workers, plugins, http, catalog);
  }

  private static Catalog catalog(CompletableFuture<Catalog> opening) {
    try {
      return opening.join();
    } catch (CompletionException e) {
      if (e.getCause() instanceof CatalogException c) {
        throw new StartException(String.valueOf(c.getMessage()), c);
      }
      throw e;
    }
  }
}
