package dev.wherry.daemon.api;

import io.vertx.core.http.HttpMethod;
import io.vertx.ext.web.RoutingContext;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import org.jspecify.annotations.Nullable;

/**
 * Who may use REST: whoever has the token, where there is one. A web page of another origin may
 * not, even though a browser on this host reaches loopback.
 */
final class Access {
  private final byte @Nullable [] token;

  Access(@Nullable String token) {
    this.token = token == null ? null : token.getBytes(StandardCharsets.UTF_8);
  }

  void check(RoutingContext r) {
    if (token != null && !r.request().path().startsWith("/health/") && !hasToken(r, token)) {
      r.response().putHeader("www-authenticate", "Bearer");
      Answers.problem(r, Problem.of(401, "the bearer token is missing or wrong"));
    } else if (isForeign(r)) {
      Answers.problem(r, Problem.of(403, "a page of another origin may not change anything here"));
    } else {
      r.next();
    }
  }

  /** In a time that does not depend on where the token is wrong. */
  private static boolean hasToken(RoutingContext r, byte[] token) {
    String given = r.request().getHeader("authorization");
    return given != null
        && given.regionMatches(true, 0, "Bearer ", 0, 7)
        && MessageDigest.isEqual(token, given.substring(7).trim().getBytes(StandardCharsets.UTF_8));
  }

  private static boolean isForeign(RoutingContext r) {
    String origin = r.request().getHeader("origin");
    HttpMethod method = r.request().method();
    if (origin == null || method.equals(HttpMethod.GET) || method.equals(HttpMethod.HEAD)) {
      return false;
    }
    String host = r.request().getHeader("host");
    return host == null || !(origin.equals("http://" + host) || origin.equals("https://" + host));
  }
}
