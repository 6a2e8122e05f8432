package dev.wherry.path.io;

import dev.wherry.path.DeviceContext;

/** Opens the engine that a context asks for. */
public final class IoEngines {
  private IoEngines() {}

  /** The caller closes it. */
  public static IoEngine open(DeviceContext context) {
    return new PoolEngine(new Blocking(context.workers()));
  }
}
