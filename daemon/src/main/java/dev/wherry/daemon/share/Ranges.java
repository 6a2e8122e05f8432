package dev.wherry.daemon.share;

import dev.wherry.daemon.volume.Refusal;
import dev.wherry.path.ByteSize;
import dev.wherry.path.ReadPolicies;
import dev.wherry.path.shared.RangePolicy;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Read policies for parts of a volume, as operators write them. */
final class Ranges {
  private static final Pattern RANGE =
      Pattern.compile("([0-9]+[KMGTkmgt]?)\\+([0-9]+[KMGTkmgt]?)=([^=+]+)");
  private static final int MOST = 1024;

  private Ranges() {}

  /**
   * Reads {@code OFFSET+LENGTH=POLICY} each.
   *
   * @return in the order of their offsets
   */
  static List<RangePolicy> parse(List<String> texts, long size, int blockSize, ReadPolicies known) {
    if (texts.size() > MOST) {
      throw Refusal.impossible(texts.size() + " ranges are more than " + MOST);
    }
    List<RangePolicy> ranges = new ArrayList<>();
    for (String text : texts) {
      ranges.add(parse(text, size, blockSize, known));
    }
    ranges.sort(Comparator.comparingLong(RangePolicy::offset));
    for (int i = 1; i < ranges.size(); i++) {
      RangePolicy before = ranges.get(i - 1);
      if (before.offset() + before.length() > ranges.get(i).offset()) {
        throw Refusal.impossible(
            "ranges " + before.label() + " and " + ranges.get(i).label() + " overlap");
      }
    }
    return List.copyOf(ranges);
  }

  private static RangePolicy parse(String text, long size, int blockSize, ReadPolicies known) {
    Matcher m = RANGE.matcher(text);
    if (!m.matches()) {
      String shown = text.replaceAll("\\p{Cntrl}", "?");
      throw Refusal.malformed(
          "range '"
              + (shown.length() > 80 ? shown.substring(0, 80) + "…" : shown)
              + "' is not OFFSET+LENGTH=POLICY");
    }
    long offset;
    long length;
    try {
      offset = ByteSize.parse(m.group(1));
      length = ByteSize.parse(m.group(2));
    } catch (IllegalArgumentException e) {
      throw Refusal.malformed("range '" + text + "': " + e.getMessage());
    }
    String policy;
    try {
      policy = known.known(m.group(3));
    } catch (IllegalArgumentException e) {
      throw Refusal.impossible("range '" + text + "': " + e.getMessage());
    }
    if (length == 0) {
      throw Refusal.impossible("range '" + text + "' is empty");
    }
    if (offset > size || length > size - offset) {
      throw Refusal.impossible(
          "range '" + text + "' does not lie within the volume's " + size + " bytes");
    }
    boolean toTheEnd = offset + length == size;
    if (offset % blockSize != 0 || (length % blockSize != 0 && !toTheEnd)) {
      throw Refusal.impossible(
          "range '" + text + "' does not consist of whole blocks of " + blockSize + " bytes");
    }
    return new RangePolicy(offset, length, policy);
  }
}
