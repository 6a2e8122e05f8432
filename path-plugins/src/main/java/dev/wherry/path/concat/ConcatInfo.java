package dev.wherry.path.concat;

import dev.wherry.nbd.ExportInfo;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;

/** What several devices can do together: what each of them can. */
final class ConcatInfo {
  private ConcatInfo() {}

  static ExportInfo of(List<ExportInfo> parts, long size) {
    return new ExportInfo(
        size,
        parts.stream().mapToInt(ExportInfo::minBlock).max().orElse(1),
        parts.stream().mapToInt(ExportInfo::preferredBlock).max().orElse(1),
        parts.stream().anyMatch(ExportInfo::readOnly),
        parts.stream().anyMatch(ExportInfo::rotational),
        common(parts, ExportInfo::abilities),
        parts.size() + " devices",
        List.copyOf(common(parts, ExportInfo::contexts)));
  }

  /** What all have, in the order of the first. */
  private static <T> Set<T> common(
      List<ExportInfo> parts, Function<ExportInfo, Collection<T>> what) {
    Set<T> common = new LinkedHashSet<>(what.apply(parts.get(0)));
    parts.forEach(p -> common.retainAll(what.apply(p)));
    return common;
  }
}
