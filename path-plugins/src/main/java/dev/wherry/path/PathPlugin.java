package dev.wherry.path;

import java.util.Map;
import java.util.concurrent.CompletableFuture;

/**
 * Makes path handlers. Found by {@link java.util.ServiceLoader} on the class path and in {@code
 * DATA/plugins/*.jar}; has a public constructor without parameters.
 */
public interface PathPlugin {
  /** What {@code --handler} names: letters, digits and {@code -}; unique. */
  String name();

  /**
   * Opens a handler for a volume.
   *
   * @param suid the volume
   * @param backing the volume's device; the handler owns and closes it
   * @param settings what {@code --set} gave; an unknown key or a bad value is an {@link
   *     IllegalArgumentException} that names it, thrown before any effect
   * @return fails if the handler cannot be opened; the backing is then still the caller's
   */
  CompletableFuture<PathHandler> open(
      String suid, BlockDevice backing, Map<String, String> settings);
}
