package dev.wherry.path.fault;

import dev.wherry.nbd.NbdError;
import java.time.Duration;
import java.util.EnumSet;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * Which requests go wrong, and how. A request is hit by the first fault that matches it.
 *
 * @param ops the kinds of request; flushes are hit whatever the range
 * @param from first byte of the range; a request that touches the range is hit
 * @param to first byte after it
 * @param skip how many matching requests are let through first
 * @param times how many are hit then
 */
public record Fault(Set<Op> ops, long from, long to, int skip, int times, Action action) {
  /** Kinds of request. */
  public enum Op {
    READ,
    WRITE,
    FLUSH,
    TRIM,
    ZERO,
    CACHE,
    STATUS
  }

  /** What happens to a request that is hit. */
  public sealed interface Action {}

  /**
   * The request fails.
   *
   * @param done whether the device does it all the same, and only the answer is wrong
   */
  public record Fail(NbdError error, boolean done) implements Action {}

  /** The request reaches the device later. */
  public record Delay(Duration time) implements Action {}

  /** The request reaches the device when the test says so, if ever. */
  public record Keep(Hold hold) implements Action {}

  public static Fault on(Op first, Op... more) {
    return new Fault(
        EnumSet.of(first, more),
        0,
        Long.MAX_VALUE,
        0,
        Integer.MAX_VALUE,
        new Fail(NbdError.EIO, false));
  }

  public Fault range(long offset, long length) {
    return new Fault(ops, offset, offset + length, skip, times, action);
  }

  public Fault after(int requests) {
    return new Fault(ops, from, to, requests, times, action);
  }

  public Fault times(int requests) {
    return new Fault(ops, from, to, skip, requests, action);
  }

  public Fault fails(NbdError error) {
    return with(new Fail(error, false));
  }

  /** Does the request, and says that it failed. */
  public Fault failsAfterEffect(NbdError error) {
    return with(new Fail(error, true));
  }

  public Fault delays(Duration time) {
    return with(new Delay(time));
  }

  public Fault holds(Hold hold) {
    return with(new Keep(hold));
  }

  private Fault with(Action next) {
    return new Fault(ops, from, to, skip, times, next);
  }

  /** A fault in place, and how many requests matched it. */
  static final class Armed {
    private final Fault fault;
    private final AtomicInteger matched = new AtomicInteger();

    Armed(Fault fault) {
      this.fault = fault;
    }

    @Nullable Action hit(Op op, long offset, long length) {
      boolean there = op == Op.FLUSH || (offset < fault.to && offset + length > fault.from);
      if (!fault.ops.contains(op) || !there) {
        return null;
      }
      int n = matched.getAndIncrement() - fault.skip;
      return n >= 0 && n < fault.times ? fault.action : null;
    }
  }
}
