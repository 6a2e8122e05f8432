package dev.wherry.daemon.api;

import dev.wherry.daemon.config.Configuration;
import io.vertx.core.http.HttpMethod;
import io.vertx.ext.web.RoutingContext;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Locale;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Who may use REST: whoever has the token, where there is one. A web page of another origin may
 * not, even though a browser on this host reaches loopback.
 */
public final class Access {
  private static final Pattern LOOPBACK =
      Pattern.compile("(localhost|127(\\.[0-9]{1,3}){3}|\\[::1])(:[0-9]{1,5})?");

  private final byte @Nullable [] token;
  private final @Nullable String onlyHost;

  /**
   * @param token what a request must bring, or null for nothing
   * @param onlyHost the one name, besides those of loopback, by which requests may call us: a name
   *     that an attacker makes resolve to loopback must not do. Null where every name will do,
   *     since something else says who may
   */
  Access(@Nullable String token, @Nullable String onlyHost) {
    this.token = token == null ? null : token.getBytes(StandardCharsets.UTF_8);
    this.onlyHost = onlyHost == null ? null : onlyHost.toLowerCase(Locale.ROOT);
  }

  /**
   * As configured: the name matters on loopback where neither token nor certificate is asked for.
   */
  public static Access of(Configuration config) {
    boolean open = config.apiToken() == null && !config.apiTls() && config.api().isLoopback();
    String host = config.api().host();
    return new Access(
        config.apiToken(), open ? (host.indexOf(':') >= 0 ? "[" + host + "]" : host) : null);
  }

  void check(RoutingContext r) {
    if (token != null && !r.request().path().startsWith("/health/") && !hasToken(r, token)) {
      r.response().putHeader("www-authenticate", "Bearer");
      Answers.problem(r, Problem.of(401, "the bearer token is missing or wrong"));
    } else if (token == null && onlyHost != null && !isOurs(r, onlyHost)) {
      Answers.problem(
          r,
          Problem.of(
              403, "host '" + r.request().getHeader("host") + "' is not a name of this API"));
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

  /** A client that names no host is no browser, and so not misled. */
  private static boolean isOurs(RoutingContext r, String name) {
    String given = r.request().getHeader("host");
    if (given == null) {
      return true;
    }
    String host = given.toLowerCase(Locale.ROOT);
    return LOOPBACK.matcher(host).matches()
        || host.equals(name)
        || (host.startsWith(name + ":") && host.substring(name.length() + 1).matches("[0-9]{1,5}"));
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
