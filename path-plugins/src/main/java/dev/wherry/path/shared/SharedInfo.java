package dev.wherry.path.shared;

import dev.wherry.nbd.ExportInfo;
import dev.wherry.nbd.ExportInfo.Ability;
import dev.wherry.nbd.Extent;
import java.util.List;

/** What hosts are told of a shared volume: the same on every node. */
final class SharedInfo {
  private SharedInfo() {}

  static ExportInfo of(long size) {
    return ExportInfo.of(size)
        .with(Ability.FAST_ZERO, false)
        .withContexts(List.of(Extent.BASE_ALLOCATION, BlockState.CONTEXT));
  }
}
