package dev.wherry.path.shared;

import java.util.Locale;

/** What a node is to a volume. */
public enum Role {
  /** Serves it: every request of every host ends here. */
  OWNER,
  /** Forwards to the owner, and may take the ownership. */
  STANDBY,
  /** Was the owner: forwards to the owner, which may still fetch what lies here. */
  FORMER;

  /** As REST shows it. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }
}
