package dev.wherry.path;

/**
 * A path handler over one device, which it owns, that forwards everything: the start of a handler
 * of one's own. See {@link ForwardingDevice} on what to override together.
 */
public abstract class ForwardingHandler extends ForwardingDevice implements PathHandler {
  private final String name;

  /**
   * @param name the plugin's
   */
  protected ForwardingHandler(String name, BlockDevice device) {
    super(device);
    this.name = name;
  }

  @Override
  public String name() {
    return name;
  }
}
