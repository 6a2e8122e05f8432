package dev.wherry.daemon.process;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.turbo.TurboFilter;
import ch.qos.logback.core.spi.FilterReply;
import org.jspecify.annotations.Nullable;
import org.slf4j.LoggerFactory;
import org.slf4j.Marker;

/**
 * A group of threads of which nobody hears: what they log is dropped, whoever's code it is. Threads
 * that they make belong to it as well.
 */
public final class QuietThreads extends ThreadGroup {
  private static final org.slf4j.Logger log = LoggerFactory.getLogger(QuietThreads.class);

  public QuietThreads(String name) {
    super(name);
  }

  @Override
  public void uncaughtException(Thread t, Throwable e) {
    log.debug("thread {} ended: {}", t.getName(), e.toString());
  }

  private static boolean has(Thread thread) {
    for (ThreadGroup g = thread.getThreadGroup(); g != null; g = g.getParent()) {
      if (g instanceof QuietThreads) {
        return true;
      }
    }
    return false;
  }

  /** Drops what they log. */
  static final class Silence extends TurboFilter {
    @Override
    public FilterReply decide(
        @Nullable Marker marker,
        Logger logger,
        Level level,
        @Nullable String format,
        @Nullable Object @Nullable [] params,
        @Nullable Throwable t) {
      return has(Thread.currentThread()) ? FilterReply.DENY : FilterReply.NEUTRAL;
    }
  }
}
