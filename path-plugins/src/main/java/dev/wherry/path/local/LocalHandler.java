package dev.wherry.path.local;

import dev.wherry.path.BlockDevice;
import dev.wherry.path.ForwardingHandler;

/** Every request goes to the volume's own device. */
public final class LocalHandler extends ForwardingHandler {
  static final String NAME = "local";

  public LocalHandler(BlockDevice device) {
    super(NAME, device);
  }
}
