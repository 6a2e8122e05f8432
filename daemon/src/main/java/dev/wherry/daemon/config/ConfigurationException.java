package dev.wherry.daemon.config;

/** A setting that cannot be used. The message is one line that begins with the setting's name. */
public final class ConfigurationException extends RuntimeException {
  private static final long serialVersionUID = 1;

  public ConfigurationException(String setting, String problem) {
    super(setting + ": " + problem.replace('\n', ' '), null, false, false);
  }
}
