package dev.wherry.path.memory;

import dev.wherry.path.BlockDevice;
import dev.wherry.path.ByteSize;
import dev.wherry.path.DeviceContext;
import dev.wherry.path.DevicePlugin;
import java.util.Set;
import java.util.concurrent.CompletableFuture;

/** Opens {@code memory:SIZE}. All devices together fill at most half of what Java may use. */
public final class MemoryPlugin implements DevicePlugin {
  private static final String SCHEME = "memory";

  private final MemoryBudget budget = new MemoryBudget(Runtime.getRuntime().maxMemory() / 2);

  @Override
  public Set<String> schemes() {
    return Set.of(SCHEME);
  }

  @Override
  public CompletableFuture<BlockDevice> open(String spec, DeviceContext context) {
    long size = ByteSize.parse(spec.substring(SCHEME.length() + 1));
    return CompletableFuture.completedFuture(new MemoryDevice(size, context.readOnly(), budget));
  }
}
