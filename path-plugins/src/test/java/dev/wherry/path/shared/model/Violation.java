package dev.wherry.path.shared.model;

import java.io.Serial;
import org.jspecify.annotations.Nullable;

/** Something happened that must not. */
final class Violation extends RuntimeException {
  @Serial private static final long serialVersionUID = 1;

  private final int cell;

  /**
   * @param cell which it is about, or -1
   */
  Violation(String message, int cell, @Nullable Throwable cause) {
    super(message, cause);
    this.cell = cell;
  }

  Violation(String message) {
    this(message, -1, null);
  }

  int cell() {
    return cell;
  }
}
