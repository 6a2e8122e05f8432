package dev.wherry.path;

import java.util.Set;
import java.util.concurrent.CompletableFuture;

/**
 * Makes block devices from what {@code --backing} gives. Found as {@link PathPlugin}s are.
 *
 * <p>A spec with a scheme ({@code nbd://…}, {@code wherry:a}, {@code zero:1G}) goes to the plugin
 * that lists the scheme; one that is an absolute path goes to the scheme {@code file}.
 */
public interface DevicePlugin {
  /** Schemes in lower case, without the colon. */
  Set<String> schemes();

  /**
   * Opens a device.
   *
   * @param spec as given
   * @return fails with {@link DeviceException}, whose text names the spec and the reason, or with
   *     {@link IllegalArgumentException} for a malformed spec
   */
  CompletableFuture<BlockDevice> open(String spec, DeviceContext context);
}
