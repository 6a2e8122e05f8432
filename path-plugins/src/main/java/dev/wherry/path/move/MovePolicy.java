package dev.wherry.path.move;

import dev.wherry.path.ReadPolicy;

/**
 * All of it comes here, in the background; what a host reads before its turn is fetched and kept.
 */
public final class MovePolicy implements ReadPolicy {
  /** What {@code --read} calls it. */
  public static final String NAME = "move";

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public boolean isKept() {
    return true;
  }

  @Override
  public boolean isReadAhead() {
    return true;
  }

  @Override
  public boolean isMoved() {
    return true;
  }
}
