package dev.wherry.path;

/**
 * What becomes of a block of a shared volume that is not on the node that owns it. Found as {@link
 * PathPlugin}s are; has a public constructor without parameters.
 *
 * <p>What a policy does not say is as with {@code redirect}: read at the source, nothing is kept,
 * and nothing may be lost. Each question is asked once, when the policy is found: the answers are
 * always the same. One that cannot be asked is left out. Safe on any thread; never blocks.
 */
public interface ReadPolicy {
  /**
   * What {@code --read} and {@code --range} name: lower case letters, digits and {@code -}, a
   * letter first; unique.
   */
  String name();

  /** Whether a host's read of it goes to the source. Else it fails with EIO. */
  default boolean isFetched() {
    return true;
  }

  /** Whether what was fetched for a host's read is here from then on. */
  default boolean isKept() {
    return false;
  }

  /**
   * Whether it comes here before it is read: for a host that reads in sequence, or says that it
   * will want it.
   */
  default boolean isReadAhead() {
    return false;
  }

  /** Whether it comes here in the background, until nothing is missing; to a standby, too. */
  default boolean isMoved() {
    return false;
  }

  /**
   * Whether it may not be lost. Then the store that it lies in is not released before it is here.
   * What is neither needed nor fetched is made up when a part of it is written: the rest becomes
   * zeroes.
   */
  default boolean isNeeded() {
    return true;
  }
}
