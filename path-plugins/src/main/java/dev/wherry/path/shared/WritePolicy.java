package dev.wherry.path.shared;

import java.util.Locale;

/** Where the owner writes. */
public enum WritePolicy {
  /** To its own store; the source stays as it was. */
  LOCAL,
  /** To its own store; the source follows in batches, each as of one flush. */
  BACK,
  /** To its own store and to the source, before the host is answered. */
  THROUGH;

  /** As the CLI and REST name it. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  /**
   * What the value names.
   *
   * @throws IllegalArgumentException if there is no such policy
   */
  public static WritePolicy of(String label) {
    for (WritePolicy p : values()) {
      if (p.label().equals(label)) {
        return p;
      }
    }
    throw new IllegalArgumentException(
        "write policy '" + label + "' is unknown; there are: local, back, through");
  }
}
