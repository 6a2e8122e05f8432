package dev.wherry.path.io;

import static dev.wherry.path.io.Libc.Loaded.QUICK;
import static dev.wherry.path.io.Libc.Loaded.RUNTIME;

import io.netty.util.concurrent.FastThreadLocal;
import jnr.ffi.Memory;
import jnr.ffi.Pointer;

/**
 * How often the kernel made the calling thread wait: its voluntary context switches. They tell a
 * system call that waited from one during which the thread was merely preempted. About 0.3 µs.
 */
public final class ThreadWaits {
  private static final int RUSAGE_THREAD = 1;

  /** struct rusage: two times of 16 bytes, twelve longs, then ru_nvcsw. */
  private static final int VOLUNTARY_SWITCHES = 2 * 16 + 12 * 8;

  private static final FastThreadLocal<Pointer> ANSWER =
      new FastThreadLocal<>() {
        @Override
        protected Pointer initialValue() {
          return Memory.allocateDirect(RUNTIME, 256, true);
        }
      };

  private ThreadWaits() {}

  /** Only grows. Does not block. */
  public static long count() {
    Pointer answer = ANSWER.get();
    QUICK.getrusage(RUSAGE_THREAD, answer.address());
    return answer.getLong(VOLUNTARY_SWITCHES);
  }
}
