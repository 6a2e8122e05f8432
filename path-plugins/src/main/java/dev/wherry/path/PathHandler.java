package dev.wherry.path;

import java.util.Map;

/**
 * Decides, for every request of one volume, which device serves it: the live table behind a SUID.
 * It follows the rules of {@link dev.wherry.nbd.Export}; closing it closes the devices it owns.
 */
public interface PathHandler extends BlockDevice {
  /** The name of the plugin that made it: what operators see as {@code handler}. */
  String name();

  /** What the handler wants to show of itself, by name. Never blocks. */
  default Map<String, Object> status() {
    return Map.of();
  }
}
