package dev.wherry.daemon.config;

import java.time.Duration;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Times as people write them: {@code 500ms}, {@code 30s}, {@code 2m}, {@code 1h}, or seconds. */
final class Durations {
  private static final Pattern TEXT = Pattern.compile("([0-9]{1,9})(ms|s|m|h|)");
  private static final Duration MOST = Duration.ofDays(1);

  private Durations() {}

  /**
   * Reads a time.
   *
   * @param least the shortest that is allowed; the longest is a day
   */
  static Duration parse(String setting, String text, Duration least) {
    Matcher m = TEXT.matcher(text);
    if (!m.matches()) {
      throw new ConfigurationException(
          setting, "'" + text + "' is not a time such as 500ms, 30s, 2m or 1h");
    }
    long n = Long.parseLong(m.group(1));
    Duration d =
        switch (m.group(2)) {
          case "ms" -> Duration.ofMillis(n);
          case "m" -> Duration.ofMinutes(n);
          case "h" -> Duration.ofHours(n);
          default -> Duration.ofSeconds(n);
        };
    if (d.compareTo(least) < 0 || d.compareTo(MOST) > 0) {
      throw new ConfigurationException(
          setting, "'" + text + "' is not between " + least.toMillis() + "ms and 24h");
    }
    return d;
  }
}
