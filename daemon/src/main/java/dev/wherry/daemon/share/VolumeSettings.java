package dev.wherry.daemon.share;

import dev.wherry.daemon.catalog.ShareRecord;
import dev.wherry.daemon.volume.Refusal;
import dev.wherry.daemon.volume.VolumeChanges;
import dev.wherry.daemon.volume.VolumeEntry;
import dev.wherry.path.ByteSize;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * {@code volume set}: what can be changed of a volume by {@code K=V}. All is looked at before
 * anything is changed. Blocks.
 */
public final class VolumeSettings {
  private static final Set<String> TERMS = Set.of("read", "write", "ranges", "handover");
  private static final Set<String> PACE = Set.of("bandwidth", "minimum");
  private static final String ALLOW = "allow";
  private static final String AWAY = "away";

  private final VolumeChanges changes;
  private final SharePolicies policies;

  public VolumeSettings(VolumeChanges changes, SharePolicies policies) {
    this.changes = changes;
    this.policies = policies;
  }

  /** Changes all of these. */
  public void set(VolumeEntry entry, Map<String, String> values) {
    if (values.isEmpty()) {
      throw Refusal.malformed("nothing to set");
    }
    for (String key : values.keySet()) {
      if (!TERMS.contains(key) && !PACE.contains(key) && !key.equals(ALLOW) && !key.equals(AWAY)) {
        throw Refusal.impossible(
            "setting '"
                + key
                + "' is unknown; there are: allow, away, bandwidth, handover, minimum, ranges,"
                + " read, write");
      }
    }
    boolean terms = values.keySet().stream().anyMatch(TERMS::contains);
    boolean pace = values.keySet().stream().anyMatch(PACE::contains);
    ShareTerms wanted = terms ? wanted(entry, values) : ShareTerms.DEFAULT;
    ShareRecord.Options options = options(entry);
    if (pace) {
      policies.terms(entry);
      options = paced(options, values);
    }
    Boolean stall = stall(values.get(AWAY));
    if (stall != null) {
      policies.terms(entry);
    }
    Map<String, String> rest = new LinkedHashMap<>(values);
    rest.keySet().retainAll(Set.of(ALLOW));
    if (!rest.isEmpty()) {
      changes.set(entry.suid(), rest);
    }
    if (terms) {
      policies.terms(entry, wanted);
    }
    if (pace) {
      policies.pace(entry, options.minimum(), options.bandwidth());
    }
    if (stall != null) {
      policies.stall(entry, stall);
    }
  }

  /** Whether hosts wait for a source that is away, or null where nothing is said. */
  private static @Nullable Boolean stall(@Nullable String away) {
    if (away == null) {
      return null;
    }
    return switch (away) {
      case "degrade" -> false;
      case "stall" -> true;
      default ->
          throw Refusal.impossible("away '" + away + "' is unknown; there are: degrade, stall");
    };
  }

  private ShareTerms wanted(VolumeEntry entry, Map<String, String> values) {
    String ranges = values.get("ranges");
    List<String> texts =
        ranges == null
            ? null
            : Arrays.stream(ranges.split(",", -1)).filter(t -> !t.isEmpty()).toList();
    return policies
        .terms(entry)
        .withRead(values.get("read"), policies.known())
        .withWrite(values.get("write"))
        .withRanges(texts, entry.record().size(), entry.record().blockSize(), policies.known())
        .withHandover(values.get("handover"));
  }

  private static ShareRecord.Options options(VolumeEntry entry) {
    ShareRecord share = entry.share();
    return share == null ? ShareRecord.Options.DEFAULT : share.options();
  }

  private static ShareRecord.Options paced(ShareRecord.Options now, Map<String, String> values) {
    String bandwidth = values.get("bandwidth");
    String minimum = values.get("minimum");
    long most =
        bandwidth == null
            ? now.bandwidth()
            : bandwidth.equals("none") ? Long.MAX_VALUE : rate("bandwidth", bandwidth, 1);
    // Whoever limits the move to less than the usual minimum means it.
    long least = minimum == null ? Math.min(now.minimum(), most) : rate("minimum", minimum, 0);
    if (least > most) {
      throw Refusal.impossible(
          "minimum " + least + " is more than the bandwidth, " + most + " bytes per second");
    }
    return now.withPace(least, most);
  }

  private static long rate(String key, String text, long least) {
    long rate;
    try {
      rate = ByteSize.parse(text);
    } catch (IllegalArgumentException e) {
      throw Refusal.impossible(key + " '" + text + "': " + e.getMessage());
    }
    if (rate < least) {
      throw Refusal.impossible(key + " " + rate + " is less than " + least + " bytes per second");
    }
    return rate;
  }
}
