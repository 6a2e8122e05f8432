package dev.wherry.path.redirect;

import dev.wherry.path.ReadPolicy;

/** What is not here is read at the source, and nothing is kept. */
public final class RedirectPolicy implements ReadPolicy {
  /** What {@code --read} calls it. */
  public static final String NAME = "redirect";

  @Override
  public String name() {
    return NAME;
  }
}
