package dev.wherry.path.shared;

import org.jspecify.annotations.Nullable;

/**
 * How far the source is behind the owner.
 *
 * @param mode what is done with writes now
 * @param bytes changed here and not (all of it) in the source yet, in whole blocks
 * @param oldestNanos the age of the oldest change among them; 0 where there is none
 * @param failure why the source could not follow the last time, or null
 */
public record Lag(Mode mode, long bytes, long oldestNanos, @Nullable String failure) {
  /** What becomes of a write. */
  public enum Mode {
    /** It is on both when the host is answered. */
    THROUGH,
    /** The source gets it in a batch. */
    BACK,
    /** As {@link #BACK}, because the source was away; {@link #THROUGH} again once it has all. */
    DEGRADED
  }
}
