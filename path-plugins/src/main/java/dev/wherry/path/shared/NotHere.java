package dev.wherry.path.shared;

import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import org.jspecify.annotations.Nullable;

/** The failure of a read of data that the owner has not got and may not fetch. */
final class NotHere {
  private static final String MESSAGE = "the data is not on this node, but at ";

  private NotHere() {}

  /**
   * The failure itself.
   *
   * @param source where it is, or null where it is nowhere
   */
  static NbdException at(@Nullable Source source) {
    return NbdException.harmless(
        NbdError.EIO, MESSAGE + (source == null ? "none" : source.describe()));
  }

  /** Whether a failure says that a node's own store has the data: a host there may read that. */
  static boolean says(Throwable failure, String node) {
    return String.valueOf(failure.getMessage()).endsWith(MESSAGE + NodeSource.name(node));
  }
}
