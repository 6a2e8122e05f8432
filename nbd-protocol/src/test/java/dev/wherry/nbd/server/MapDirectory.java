package dev.wherry.nbd.server;

import dev.wherry.nbd.Export;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;

/** Exports by name, and a count of the sessions that are open. */
public final class MapDirectory implements ExportDirectory {
  public final Map<String, Export> exports = new ConcurrentHashMap<>();
  public final Map<String, ExportStats> stats = new ConcurrentHashMap<>();
  public final AtomicInteger open = new AtomicInteger();
  public final List<Connection> connections = new java.util.concurrent.CopyOnWriteArrayList<>();

  @Override
  public CompletableFuture<List<Entry>> list(Peer peer) {
    return CompletableFuture.completedFuture(
        exports.keySet().stream().sorted().map(n -> new Entry(n, "the export " + n)).toList());
  }

  @Override
  public CompletableFuture<Session> open(String name, Peer peer) {
    String found =
        name.isEmpty() && exports.size() == 1 ? exports.keySet().iterator().next() : name;
    Export export = exports.get(found);
    if (export == null) {
      return CompletableFuture.failedFuture(
          new RefusedException(RefusedException.Reason.UNKNOWN, "no export named " + name));
    }
    open.incrementAndGet();
    return CompletableFuture.completedFuture(
        new Session() {
          @Override
          public String name() {
            return found;
          }

          @Override
          public Export export() {
            return export;
          }

          @Override
          public ExportStats stats() {
            return stats.computeIfAbsent(found, n -> new ExportStats());
          }

          @Override
          public void attached(Connection connection) {
            connections.add(connection);
          }

          @Override
          public void close() {
            open.decrementAndGet();
          }
        });
  }
}
