package dev.wherry.path.shared;

import dev.wherry.path.ReadPolicy;

/** What becomes of blocks that are not here: a policy's answers, asked for once. */
record Fate(boolean fetched, boolean kept, boolean ahead, boolean moved, boolean needed) {
  static Fate of(ReadPolicy policy) {
    return new Fate(
        policy.isFetched(),
        policy.isKept(),
        policy.isReadAhead(),
        policy.isMoved(),
        policy.isNeeded());
  }

  /**
   * A write to a part of a block makes up the rest, as zeroes: nobody needs it, or could read it.
   */
  boolean isMadeUp() {
    return !fetched && !needed;
  }
}
