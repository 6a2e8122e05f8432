package dev.wherry.path.zero;

import dev.wherry.path.BlockDevice;
import dev.wherry.path.ByteSize;
import dev.wherry.path.DeviceContext;
import dev.wherry.path.DevicePlugin;
import java.util.Set;
import java.util.concurrent.CompletableFuture;

/** Opens {@code zero:SIZE}. */
public final class ZeroPlugin implements DevicePlugin {
  private static final String SCHEME = "zero";

  @Override
  public Set<String> schemes() {
    return Set.of(SCHEME);
  }

  @Override
  public CompletableFuture<BlockDevice> open(String spec, DeviceContext context) {
    long size = ByteSize.parse(spec.substring(SCHEME.length() + 1));
    return CompletableFuture.completedFuture(new ZeroDevice(size, context.readOnly()));
  }
}
