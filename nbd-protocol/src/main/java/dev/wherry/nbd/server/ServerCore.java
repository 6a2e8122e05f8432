package dev.wherry.nbd.server;

import io.netty.channel.EventLoopGroup;
import io.netty.util.concurrent.Future;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * What all connections of a server share: budgets, limits, the list of them. While somebody waits
 * for memory, it looks for peers that hold some and do not move. Safe on any thread.
 */
final class ServerCore {
  private final NbdServerOptions options;
  private final MemoryBudget budget;
  private final MemoryQueue memory;
  private final Set<TransmissionHandler> connections = ConcurrentHashMap.newKeySet();
  private final Map<String, ExportShare> exports = new ConcurrentHashMap<>();
  private final AtomicReference<@Nullable Future<?>> guard = new AtomicReference<>();

  private record ExportShare(MemoryBudget budget, int users) {}

  ServerCore(NbdServerOptions options) {
    this.options = options;
    this.budget = new MemoryBudget(options.limits().bytesTotal());
    this.memory = new MemoryQueue(budget);
  }

  NbdServerOptions options() {
    return options;
  }

  ServerLimits limits() {
    return options.limits();
  }

  MemoryBudget budget() {
    return budget;
  }

  MemoryQueue memory() {
    return memory;
  }

  /** The budget that all connections of one export share; each gives it back. */
  MemoryBudget exportBudget(String name) {
    return exports.compute(
            name,
            (n, s) ->
                s == null
                    ? new ExportShare(new MemoryBudget(limits().bytesPerExport()), 1)
                    : new ExportShare(s.budget, s.users + 1))
        .budget;
  }

  void releaseExportBudget(String name, MemoryBudget mine) {
    exports.computeIfPresent(
        name,
        (n, s) ->
            s.budget != mine ? s : s.users == 1 ? null : new ExportShare(s.budget, s.users - 1));
  }

  void started(TransmissionHandler connection) {
    connections.add(connection);
  }

  void ended(TransmissionHandler connection) {
    connections.remove(connection);
  }

  Set<TransmissionHandler> connections() {
    return connections;
  }

  /** Somebody waits for memory: look for peers that stall until nobody does. */
  void pressure() {
    if (guard.get() == null) {
      EventLoopGroup group = options.group();
      long period = Math.max(1, limits().stallMillis() / 4);
      Future<?> task =
          group.next().scheduleAtFixedRate(this::guard, period, period, TimeUnit.MILLISECONDS);
      if (!guard.compareAndSet(null, task)) {
        task.cancel(false);
      }
    }
  }

  private void guard() {
    if (memory.contended()) {
      long now = System.nanoTime();
      connections.forEach(c -> c.checkStall(now));
    } else {
      Future<?> task = guard.getAndSet(null);
      if (task != null) {
        task.cancel(false);
      }
      if (memory.contended()) {
        // Who came meanwhile saw a guard that was about to go.
        pressure();
      }
    }
  }
}
