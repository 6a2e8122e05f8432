package dev.wherry.path.shared;

import dev.wherry.path.ReadPolicies;
import dev.wherry.path.ReadPolicy;
import java.util.List;

/** What the read policies say of every block: the volume's, and those of ranges. Immutable. */
final class Policies {
  private record Span(long from, long end, ReadPolicy policy) {}

  private final ReadPolicy common;
  private final List<Span> spans;

  /**
   * @param common the name of the volume's policy
   * @param ranges do not overlap
   * @throws IllegalArgumentException if a policy is unknown
   */
  Policies(ReadPolicies known, String common, List<RangePolicy> ranges, int blockSize) {
    this.common = known.of(common);
    this.spans =
        ranges.stream()
            .map(
                r ->
                    new Span(
                        r.offset() / blockSize,
                        (r.offset() + r.length() + blockSize - 1) / blockSize,
                        known.of(r.policy())))
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
   * Whether a write to a part of a block makes up the rest, as zeroes: nobody needs it, or could
   * read it.
   */
  boolean isMadeUp(long block) {
    ReadPolicy policy = at(block);
    return !policy.isFetched() && !policy.isNeeded();
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

  /** Whether some blocks come in the background. */
  boolean anyMoved() {
    return common.isMoved() || spans.stream().anyMatch(s -> s.policy.isMoved());
  }
}
