package dev.wherry.path.fail;

import dev.wherry.path.ReadPolicy;

/** What is not here is a cache miss: EIO, and nobody needs it. */
public final class FailPolicy implements ReadPolicy {
  /** What {@code --read} calls it. */
  public static final String NAME = "fail";

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public boolean isFetched() {
    return false;
  }

  @Override
  public boolean isNeeded() {
    return false;
  }
}
