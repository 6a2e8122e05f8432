package dev.wherry.path.shared;

import java.util.List;

/** The read policy of every block: the volume's, and those of ranges. Immutable. */
final class Policies {
  private record Span(long from, long end, ReadPolicy policy) {}

  private final ReadPolicy common;
  private final List<Span> spans;

  /**
   * @param ranges do not overlap
   */
  Policies(ReadPolicy common, List<RangePolicy> ranges, int blockSize) {
    this.common = common;
    this.spans =
        ranges.stream()
            .map(
                r ->
                    new Span(
                        r.offset() / blockSize,
                        (r.offset() + r.length() + blockSize - 1) / blockSize,
                        r.policy()))
            .toList();
  }

  ReadPolicy at(long block) {
    for (Span s : spans) {
      if (block >= s.from && block < s.end) {
        return s.policy;
      }
    }
    return common;
  }

  /**
   * The end of the run of blocks from {@code block} on that share its policy; at most {@code end}.
   */
  long runEnd(long block, long end) {
    long to = end;
    for (Span s : spans) {
      if (block >= s.from && block < s.end) {
        return Math.min(end, s.end);
      }
      if (s.from > block) {
        to = Math.min(to, s.from);
      }
    }
    return to;
  }

  boolean any(ReadPolicy policy) {
    return common == policy || spans.stream().anyMatch(s -> s.policy == policy);
  }
}
