package dev.wherry.daemon.share;

import dev.wherry.daemon.catalog.VolumeRecord;
import dev.wherry.daemon.volume.Refusal;
import dev.wherry.path.ReadPolicies;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A part in a volume that another node is to have, in an operator's words. What is null is left to
 * the defaults.
 *
 * @param to the node
 * @param read the read policy's label
 * @param write the write policy's label
 * @param ranges as {@link Ranges} reads them
 * @param handover {@code auto} or {@code manual}
 * @param store a path there, {@link ShareOffer#NO_STORE}, or null for a sparse file
 */
public record WantedPart(
    String to,
    @Nullable String read,
    @Nullable String write,
    @Nullable List<String> ranges,
    @Nullable String handover,
    @Nullable String store) {
  public WantedPart {
    ranges = ranges == null ? null : List.copyOf(ranges);
  }

  /** The terms for a volume; refused where there are none like that, or the store is no path. */
  ShareTerms terms(VolumeRecord volume, ReadPolicies known) {
    ShareTerms terms =
        ShareTerms.DEFAULT
            .withRead(read, known)
            .withWrite(write)
            .withRanges(ranges, volume.size(), volume.blockSize(), known)
            .withHandover(handover);
    if (store != null && !store.equals(ShareOffer.NO_STORE) && !store.startsWith("/")) {
      throw Refusal.malformed("store '" + store + "' is neither an absolute path nor none");
    }
    return terms;
  }
}
