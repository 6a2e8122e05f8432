package dev.wherry.cli;

/** A command that was refused or failed: exit 1, with this message. */
final class CliException extends RuntimeException {
  private static final long serialVersionUID = 1;

  CliException(String message) {
    super(message, null, false, false);
  }
}
