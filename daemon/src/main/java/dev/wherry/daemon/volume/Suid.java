package dev.wherry.daemon.volume;

import java.util.regex.Pattern;

/**
 * Names of volumes: 1 to 64 characters of {@code A-Z a-z 0-9 . _ -}, not starting with {@code .} or
 * {@code -}. Such a name is safe as a file's name, in a URI and on a command line.
 */
public final class Suid {
  private static final Pattern VALID = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9._-]{0,63}");

  private Suid() {}

  public static boolean isValid(String text) {
    return VALID.matcher(text).matches();
  }

  /** Returns the name if it is valid, else refuses it. */
  public static String check(String text) {
    if (!isValid(text)) {
      throw Refusal.malformed(
          "SUID '"
              + shown(text)
              + "' is not 1 to 64 characters of A-Z a-z 0-9 . _ -, not starting"
              + " with . or -");
    }
    return text;
  }

  private static String shown(String text) {
    String printable = text.replaceAll("\\p{Cntrl}", "?");
    return printable.length() <= 80 ? printable : printable.substring(0, 80) + "…";
  }
}
