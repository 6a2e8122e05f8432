package dev.wherry.path.file;

import dev.wherry.nbd.Extent;
import java.util.ArrayList;
import java.util.List;

/** Joins neighbours of equal state. */
final class Runs {
  private Runs() {}

  static List<Extent> merged(List<Extent> extents) {
    List<Extent> joined = new ArrayList<>(extents.size());
    for (Extent next : extents) {
      int last = joined.size() - 1;
      if (last >= 0 && joined.get(last).flags() == next.flags()) {
        joined.set(last, new Extent(joined.get(last).length() + next.length(), next.flags()));
      } else {
        joined.add(next);
      }
    }
    return joined;
  }
}
