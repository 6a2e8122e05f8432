package dev.wherry.daemon.share;

import dev.wherry.nbd.ExportInfo;
import dev.wherry.path.ForwardingHandler;
import dev.wherry.path.PathHandler;

/** A shared volume that hosts may not write: its store is written all the same. */
final class ReadOnlyHandler extends ForwardingHandler {
  ReadOnlyHandler(PathHandler engine) {
    super(engine.name(), engine);
  }

  @Override
  public ExportInfo info() {
    return super.info().withReadOnly(true);
  }
}
