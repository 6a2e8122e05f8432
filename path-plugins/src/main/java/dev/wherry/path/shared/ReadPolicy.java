package dev.wherry.path.shared;

import java.util.Locale;

/** What becomes of a read of data that is not on the owner's node. */
public enum ReadPolicy {
  /** EIO: a cache miss. */
  FAIL,
  /** Read at the source, nothing is kept. */
  REDIRECT,
  /** Moved in the background; a block that a host reads before its turn is fetched and kept. */
  MOVE,
  /** Read at the source and kept. */
  PULL;

  /** As the CLI and REST name it. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  /**
   * What the value names.
   *
   * @throws IllegalArgumentException if there is no such policy
   */
  public static ReadPolicy of(String label) {
    for (ReadPolicy p : values()) {
      if (p.label().equals(label)) {
        return p;
      }
    }
    throw new IllegalArgumentException(
        "read policy '" + label + "' is unknown; there are: fail, redirect, move, pull");
  }
}
