package dev.wherry.daemon.config;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.Map;

/** The YAML file of {@code --config}: one level of keys, each a setting, each value a scalar. */
final class YamlFile {
  private static final long MOST_BYTES = 1 << 20;

  private YamlFile() {}

  static Map<Setting, String> read(Path file) throws IOException {
    if (Files.isRegularFile(file) && Files.size(file) > MOST_BYTES) {
      throw new ConfigurationException("config", file + " is larger than " + MOST_BYTES + " bytes");
    }
    JsonNode root;
    try {
      root = new YAMLMapper().readTree(Files.readAllBytes(file));
    } catch (NoSuchFileException e) {
      throw new ConfigurationException("config", file + " does not exist");
    } catch (JacksonException e) {
      throw new ConfigurationException(
          "config",
          file
              + " is not YAML: "
              + e.getOriginalMessage().lines().findFirst().orElse("")
              + (e.getLocation() == null ? "" : ", line " + e.getLocation().getLineNr()));
    }
    Map<Setting, String> texts = new EnumMap<>(Setting.class);
    if (root == null || root.isMissingNode() || root.isNull()) {
      return texts;
    }
    if (!root.isObject()) {
      throw new ConfigurationException("config", file + " does not hold keys and values");
    }
    for (Map.Entry<String, JsonNode> e : root.properties()) {
      Setting setting =
          Setting.ofKey(e.getKey())
              .orElseThrow(
                  () ->
                      new ConfigurationException(
                          "config", "unknown setting '" + e.getKey() + "' in " + file));
      if (!e.getValue().isValueNode() || e.getValue().isNull()) {
        throw new ConfigurationException(setting.key(), "is not a single value in " + file);
      }
      if (texts.put(setting, e.getValue().asText()) != null) {
        throw new ConfigurationException(setting.key(), "is given twice in " + file);
      }
    }
    return texts;
  }
}
