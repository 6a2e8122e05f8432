package dev.wherry.path.link;

/**
 * Classes of requests. Each has credits of its own, so that none can use up what another needs; of
 * what waits to be sent, a lower ordinal goes first.
 */
public enum Priority {
  /** Ownership and what operators ask for. Small, and other things wait for it. */
  CONTROL,
  /** A host waits: its forwarded request, or a block that it reads and that is not here. */
  DEMAND,
  /** Copies of what a host writes. */
  MIRROR,
  /** Moves that nobody waits for. */
  BACKGROUND
}
