package dev.wherry.path.local;

import dev.wherry.path.BlockDevice;
import dev.wherry.path.PathHandler;
import dev.wherry.path.PathPlugin;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/** Opens {@link LocalHandler}s. They have no settings. */
public final class LocalPlugin implements PathPlugin {
  @Override
  public String name() {
    return LocalHandler.NAME;
  }

  @Override
  public CompletableFuture<PathHandler> open(
      String suid, BlockDevice backing, Map<String, String> settings) {
    for (String key : settings.keySet()) {
      throw new IllegalArgumentException(
          "setting '" + key + "': the handler '" + name() + "' has no settings");
    }
    return CompletableFuture.completedFuture(new LocalHandler(backing));
  }
}
