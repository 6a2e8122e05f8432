package dev.wherry.nbd.server;

import dev.wherry.nbd.NbdError;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * Counters of one export, by command. Written by the connections' event loops without contention,
 * read by anybody. Latency is from the decoded request to its reply being ready to send.
 */
@SuppressWarnings("EnumOrdinal") // the arrays live no longer than the enums
public final class ExportStats {
  /** The commands that are counted, in the order of their numbers on the wire. */
  public enum Command {
    READ,
    WRITE,
    DISC,
    FLUSH,
    TRIM,
    CACHE,
    WRITE_ZEROES,
    BLOCK_STATUS,
    UNKNOWN;

    private static final Command[] ALL = values();

    static Command of(int type) {
      return type >= 0 && type < UNKNOWN.ordinal() ? ALL[type] : UNKNOWN;
    }
  }

  /** How a request was done. */
  public enum Engine {
    /** At once, on the event loop. */
    INLINE,
    /** From the page cache to the socket. */
    SENDFILE,
    /** By the device, in its own time. */
    ASYNC
  }

  /** Latency buckets: bucket i counts what took less than {@code 1 << (i + 10)} nanoseconds. */
  public static final int BUCKETS = 28;

  private static final class Row {
    final LongAdder requests = new LongAdder();
    final LongAdder bytes = new LongAdder();
    final LongAdder nanos = new LongAdder();
    final LongAdder[] buckets = adders(BUCKETS);
    final LongAdder[] errors = adders(NbdError.values().length);
  }

  private final Row[] rows = new Row[Command.values().length];
  private final LongAdder[] engines = adders(Engine.values().length);
  private final LongAdder inFlight = new LongAdder();

  public ExportStats() {
    for (int i = 0; i < rows.length; i++) {
      rows[i] = new Row();
    }
  }

  private static LongAdder[] adders(int n) {
    LongAdder[] a = new LongAdder[n];
    for (int i = 0; i < n; i++) {
      a[i] = new LongAdder();
    }
    return a;
  }

  void started() {
    inFlight.increment();
  }

  void ended() {
    inFlight.decrement();
  }

  void record(int type, long bytes, long nanos, Engine engine, @Nullable NbdError error) {
    Row row = rows[Command.of(type).ordinal()];
    row.requests.increment();
    row.nanos.add(nanos);
    row.buckets[bucket(nanos)].increment();
    engines[engine.ordinal()].increment();
    if (error == null) {
      row.bytes.add(bytes);
    } else {
      row.errors[error.ordinal()].increment();
    }
  }

  private static int bucket(long nanos) {
    return Math.min(BUCKETS - 1, Math.max(0, 54 - Long.numberOfLeadingZeros(nanos | 1)));
  }

  public long requests(Command c) {
    return rows[c.ordinal()].requests.sum();
  }

  /** Bytes of requests that succeeded. */
  public long bytes(Command c) {
    return rows[c.ordinal()].bytes.sum();
  }

  /** Sum of latencies in nanoseconds. */
  public long nanos(Command c) {
    return rows[c.ordinal()].nanos.sum();
  }

  /** Requests in latency bucket {@code i}, 0 to {@link #BUCKETS} - 1; the last has no upper end. */
  public long bucket(Command c, int i) {
    return rows[c.ordinal()].buckets[i].sum();
  }

  public long errors(Command c, NbdError e) {
    return rows[c.ordinal()].errors[e.ordinal()].sum();
  }

  public long engine(Engine e) {
    return engines[e.ordinal()].sum();
  }

  /** Requests that wait for the device now. */
  public long inFlight() {
    return inFlight.sum();
  }
}
