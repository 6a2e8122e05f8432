package dev.wherry.path.link;

import java.util.Locale;

/** Whether requests to a node get through. */
public enum LinkState {
  /** They do. */
  UP,
  /** Not yet: a connection is being made. */
  CONNECTING,
  /** The node answers, and will have nothing of us, or we of it; tried again all the same. */
  REFUSED,
  /** The node cannot be reached; tried again. */
  DOWN;

  /** As {@code node list} shows it. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }
}
