package dev.wherry.nbd.server;

import dev.wherry.nbd.ExportInfo;
import dev.wherry.nbd.Extent;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** Allocated and not in turn, every 1024 bytes; and a second context that is 7 throughout. */
final class StatusExport extends MemoryExport {
  static final String ODD = "x-test:odd";

  StatusExport(int size) {
    super(info(size), false);
  }

  private static ExportInfo info(int size) {
    return ExportInfo.of(size).withContexts(List.of(Extent.BASE_ALLOCATION, ODD));
  }

  @Override
  public CompletableFuture<List<Extent>> status(
      String context, long offset, long length, int maxExtents) {
    if (context.equals(ODD)) {
      return CompletableFuture.completedFuture(List.of(new Extent(length, 7)));
    }
    List<Extent> extents = new ArrayList<>();
    long at = offset;
    while (at < offset + length && extents.size() < maxExtents) {
      long end = Math.min(offset + length, (at / 1024 + 1) * 1024);
      extents.add(new Extent(end - at, at / 1024 % 2 == 0 ? 0 : Extent.HOLE | Extent.ZERO));
      at = end;
    }
    return CompletableFuture.completedFuture(extents);
  }
}
