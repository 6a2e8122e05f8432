package dev.wherry.daemon.config;

import java.io.IOException;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The texts of all settings that were given, by precedence: option, environment, YAML file.
 *
 * @param texts those that were given anywhere
 */
record SettingValues(Map<Setting, String> texts) {

  /**
   * Puts the sources together.
   *
   * @param options what the command line gave
   * @param environment the process's; an empty variable counts as not given
   * @param file the YAML file, or null for none
   */
  static SettingValues of(
      Map<Setting, String> options, Map<String, String> environment, @Nullable Path file) {
    Map<Setting, String> texts = new EnumMap<>(Setting.class);
    if (file != null) {
      texts.putAll(readFile(file));
    }
    for (Setting s : Setting.values()) {
      String value = environment.getOrDefault(s.environment(), "").trim();
      if (!value.isEmpty()) {
        texts.put(s, value);
      }
    }
    texts.putAll(options);
    return new SettingValues(texts);
  }

  @Nullable String get(Setting setting) {
    return texts.get(setting);
  }

  String get(Setting setting, String fallback) {
    return texts.getOrDefault(setting, fallback);
  }

  private static Map<Setting, String> readFile(Path file) {
    try {
      return YamlFile.read(file);
    } catch (IOException e) {
      throw new ConfigurationException("config", file + " cannot be read: " + e);
    }
  }
}
