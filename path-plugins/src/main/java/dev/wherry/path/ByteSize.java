package dev.wherry.path;

import java.util.Locale;

/** Sizes as operators write them: bytes, or with K, M, G, T as powers of 1024. */
public final class ByteSize {
  private static final String UNITS = "KMGT";

  private ByteSize() {}

  /**
   * The number of bytes that {@code text} stands for, such as {@code 4096}, {@code 4K}, {@code 1g}.
   *
   * @throws IllegalArgumentException if it is not a size, or 8 EiB and more
   */
  public static long parse(String text) {
    String digits = text;
    int shift = 0;
    if (!text.isEmpty()) {
      int unit = UNITS.indexOf(Character.toUpperCase(text.charAt(text.length() - 1)));
      if (unit >= 0) {
        shift = 10 * (unit + 1);
        digits = text.substring(0, text.length() - 1);
      }
    }
    if (digits.isEmpty() || !digits.chars().allMatch(c -> c >= '0' && c <= '9')) {
      throw new IllegalArgumentException(
          "size '" + text + "': must be a number of bytes, or one with K, M, G or T");
    }
    try {
      return Math.multiplyExact(Long.parseLong(digits), 1L << shift);
    } catch (NumberFormatException | ArithmeticException e) {
      throw new IllegalArgumentException("size '" + text + "': must be less than 8 EiB", e);
    }
  }

  /** The shortest text that {@link #parse} reads as {@code bytes}. */
  public static String format(long bytes) {
    long n = bytes;
    int unit = -1;
    while (n != 0 && n % 1024 == 0 && unit < UNITS.length() - 1) {
      n /= 1024;
      unit++;
    }
    return unit < 0 ? Long.toString(n) : String.format(Locale.ROOT, "%d%c", n, UNITS.charAt(unit));
  }
}
