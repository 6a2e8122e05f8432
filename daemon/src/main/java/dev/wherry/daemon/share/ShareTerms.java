package dev.wherry.daemon.share;

import dev.wherry.daemon.volume.Refusal;
import dev.wherry.path.ReadPolicies;
import dev.wherry.path.map.BlockMap;
import dev.wherry.path.shared.RangePolicy;
import dev.wherry.path.shared.ShareState;
import dev.wherry.path.shared.WritePolicy;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How a volume is emulated.
 *
 * @param read the name of a read policy that there is
 * @param ranges whole blocks that do not overlap
 * @param manual ownership is taken on demand alone
 */
public record ShareTerms(String read, WritePolicy write, List<RangePolicy> ranges, boolean manual) {
  public static final ShareTerms DEFAULT =
      new ShareTerms(ReadPolicies.DEFAULT, WritePolicy.LOCAL, List.of(), false);

  /** The largest block of a map, in bytes; the smallest is {@link BlockMap#UNIT}. */
  private static final int LARGEST_BLOCK = 1 << 20;

  public ShareTerms {
    ranges = List.copyOf(ranges);
  }

  /** Refuses a block size, in bytes, that no volume on several nodes can have. */
  static void checkBlocks(String suid, int blockSize) {
    if (blockSize < BlockMap.UNIT || blockSize > LARGEST_BLOCK) {
      throw Refusal.impossible(
          "block size "
              + blockSize
              + " of volume "
              + suid
              + " is not between "
              + BlockMap.UNIT
              + " and "
              + LARGEST_BLOCK
              + ": it cannot be shared");
    }
  }

  /** Those of a state. */
  public static ShareTerms of(ShareState s) {
    return new ShareTerms(s.read(), s.write(), s.ranges(), s.manual());
  }

  /** With another read policy; null leaves it. */
  public ShareTerms withRead(@Nullable String label, ReadPolicies policies) {
    return label == null
        ? this
        : new ShareTerms(known(() -> policies.known(label)), write, ranges, manual);
  }

  /** With another write policy; null leaves it. */
  public ShareTerms withWrite(@Nullable String label) {
    return label == null
        ? this
        : new ShareTerms(read, known(() -> WritePolicy.of(label)), ranges, manual);
  }

  /** With other ranges, as {@link Ranges} reads them; null leaves them. */
  public ShareTerms withRanges(
      @Nullable List<String> texts, long size, int blockSize, ReadPolicies policies) {
    return texts == null
        ? this
        : new ShareTerms(read, write, Ranges.parse(texts, size, blockSize, policies), manual);
  }

  /** With {@code auto} or {@code manual}; null leaves it. */
  public ShareTerms withHandover(@Nullable String label) {
    if (label == null) {
      return this;
    }
    return switch (label) {
      case "auto" -> new ShareTerms(read, write, ranges, false);
      case "manual" -> new ShareTerms(read, write, ranges, true);
      default ->
          throw Refusal.impossible("handover '" + label + "' is unknown; there are: auto, manual");
    };
  }

  private interface Known<T> {
    T get();
  }

  private static <T> T known(Known<T> policy) {
    try {
      return policy.get();
    } catch (IllegalArgumentException e) {
      throw Refusal.impossible(String.valueOf(e.getMessage()));
    }
  }
}
