package dev.wherry.path.concat;

import dev.wherry.nbd.ExportInfo;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

/** What several devices can do together: what each of them can. */
final class ConcatInfo {
  private ConcatInfo() {}

  static ExportInfo of(List<ExportInfo> parts, long size) {
    return new ExportInfo(
        size,
        parts.stream().mapToInt(ExportInfo::minBlock).max().orElse(1),
        parts.stream().mapToInt(ExportInfo::preferredBlock).max().orElse(1),
        parts.stream().anyMatch(ExportInfo::readOnly),
        all(parts, ExportInfo::canFlush),
        all(parts, ExportInfo::canFua),
        all(parts, ExportInfo::canTrim),
        all(parts, ExportInfo::canZero),
        all(parts, ExportInfo::canFastZero),
        all(parts, ExportInfo::canCache),
        all(parts, ExportInfo::multiConn),
        parts.stream().anyMatch(ExportInfo::rotational),
        parts.size() + " devices",
        contexts(parts));
  }

  private static boolean all(List<ExportInfo> parts, Predicate<ExportInfo> can) {
    return parts.stream().allMatch(can);
  }

  private static List<String> contexts(List<ExportInfo> parts) {
    List<String> common = new ArrayList<>(parts.get(0).contexts());
    parts.forEach(p -> common.retainAll(p.contexts()));
    return common;
  }
}
