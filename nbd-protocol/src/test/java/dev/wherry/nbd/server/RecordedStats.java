package dev.wherry.nbd.server;

import dev.wherry.nbd.Wire;
import dev.wherry.nbd.server.ExportStats.Engine;

/** Statistics for tests of what shows them. */
public final class RecordedStats {
  private RecordedStats() {}

  /** One read of 4096 bytes for each latency, in nanoseconds. */
  public static ExportStats reads(long... nanos) {
    ExportStats stats = new ExportStats();
    for (long n : nanos) {
      stats.record(Wire.CMD_READ, 4096, n, Engine.INLINE, null);
    }
    return stats;
  }
}
