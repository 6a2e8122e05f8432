package dev.wherry.path.link;

import java.io.Serial;

/** The other side sent what it must not; the connection ends. */
final class MalformedException extends RuntimeException {
  @Serial private static final long serialVersionUID = 1;

  MalformedException(String message) {
    super(message, null, false, false);
  }
}
