package dev.wherry.path;

import io.netty.channel.EventLoopGroup;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * What devices share: threads, defaults and the way to other volumes. One per daemon, immutable.
 *
 * @param loops event loops for network devices
 * @param workers a bounded pool on which a device may block
 * @param engine how files do their I/O
 * @param ioTimeout how long a request may wait for a server that is away
 * @param tlsDir where client certificates are by default, or null
 * @param volumes finds a volume by SUID, for aliases
 * @param readOnly open nothing for writing
 * @param suid the volume that devices are opened for; empty where there is none
 */
public record DeviceContext(
    EventLoopGroup loops,
    Executor workers,
    Engine engine,
    Duration ioTimeout,
    @Nullable Path tlsDir,
    Function<String, Optional<Volume>> volumes,
    boolean readOnly,
    String suid) {

  /** Threads that one volume may hold in the pool. */
  private static final int LANE = 32;

  /** How requests that would wait are run, besides what completes at once on the event loop. */
  public enum Engine {
    /**
     * Inline where that cannot wait, sendfile where it pays, else the better of pool and io_uring.
     */
    AUTO,
    /** Always the worker pool. */
    POOL,
    /** Inline where that cannot wait, else io_uring. */
    URING
  }

  /** A context for devices of no volume. */
  public DeviceContext(
      EventLoopGroup loops,
      Executor workers,
      Engine engine,
      Duration ioTimeout,
      @Nullable Path tlsDir,
      Function<String, Optional<Volume>> volumes,
      boolean readOnly) {
    this(loops, workers, engine, ioTimeout, tlsDir, volumes, readOnly, "");
  }

  public DeviceContext asReadOnly(boolean value) {
    return new DeviceContext(loops, workers, engine, ioTimeout, tlsDir, volumes, value, suid);
  }

  /**
   * The same, for the devices of one volume: with a part of the pool that does not starve others.
   * An alias must not lead back to it.
   */
  public DeviceContext forVolume(String name) {
    Executor pool = workers instanceof Lane lane ? lane.pool() : workers;
    Executor lane = new Lane(pool, LANE);
    return new DeviceContext(loops, lane, engine, ioTimeout, tlsDir, volumes, readOnly, name);
  }
}
