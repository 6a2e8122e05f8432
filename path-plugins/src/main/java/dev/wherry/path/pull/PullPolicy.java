package dev.wherry.path.pull;

import dev.wherry.path.ReadPolicy;

/** What a host reads is fetched from the source and kept; what nobody reads stays there. */
public final class PullPolicy implements ReadPolicy {
  /** What {@code --read} calls it. */
  public static final String NAME = "pull";

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
}
