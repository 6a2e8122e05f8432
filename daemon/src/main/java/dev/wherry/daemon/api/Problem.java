package dev.wherry.daemon.api;

import dev.wherry.daemon.volume.Refusal;
import io.netty.handler.codec.http.HttpResponseStatus;

/**
 * An error as RFC 9457 has it.
 *
 * @param type always {@code about:blank}: the status says it
 * @param title the kind of error
 * @param status the HTTP status
 * @param detail what is wrong, for the operator
 */
record Problem(String type, String title, int status, String detail) {
  static final String MEDIA_TYPE = "application/problem+json";

  static Problem of(Refusal refusal) {
    return new Problem(
        "about:blank",
        refusal.kind().title(),
        refusal.kind().status(),
        String.valueOf(refusal.getMessage()));
  }

  static Problem of(int status, String detail) {
    return new Problem(
        "about:blank", HttpResponseStatus.valueOf(status).reasonPhrase(), status, detail);
  }
}
