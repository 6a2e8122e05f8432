package dev.wherry.nbd.server;

import dev.wherry.nbd.NbdError;
import org.jspecify.annotations.Nullable;

/**
 * The request that a connection's decoder has in hand. One object per connection, filled again for
 * each request; what outlives the call that it is given to is copied.
 */
final class Request {
  int type;
  int flags;
  long cookie;
  long offset;

  /** Length of the effect in bytes, unsigned on the wire; a negative one is rejected. */
  long length;

  /** Bytes that follow the header. */
  long payload;

  /** Why it is refused, once its payload has been drained; null if it is good so far. */
  @Nullable NbdError error;

  /** What the client is told beside the error. */
  String reason = "";

  void reject(NbdError why, String text) {
    error = why;
    reason = text;
  }
}
