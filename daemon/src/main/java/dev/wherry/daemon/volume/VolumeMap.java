package dev.wherry.daemon.volume;

import dev.wherry.nbd.Extent;
import dev.wherry.path.Volume;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** The extents of a volume with their state. */
public final class VolumeMap {
  private static final Duration LIMIT = Duration.ofSeconds(60);
  private static final long STEP = 1L << 40;

  /**
   * A run of bytes of one state.
   *
   * @param offset first byte
   * @param length in bytes
   * @param state {@code here}: the data is on this node; {@code zero}: it reads as zeroes
   * @param zero reads as zeroes
   * @param hole takes no room
   */
  public record Run(long offset, long length, String state, boolean zero, boolean hole) {}

  private VolumeMap() {}

  /**
   * Reads the map from an offset on; blocks.
   *
   * @param most extents at most; the caller asks again behind the last one
   */
  public static List<Run> read(VolumeEntry entry, long offset, int most) {
    Volume volume = entry.volume();
    if (volume == null || entry.isFailed()) {
      throw Refusal.conflict("volume " + entry.suid() + " is " + entry.state());
    }
    long size = volume.info().size();
    if (offset < 0 || offset > size) {
      throw Refusal.malformed("offset " + offset + " is not within the " + size + " bytes");
    }
    List<Run> runs = new ArrayList<>();
    long at = offset;
    while (at < size && runs.size() < most) {
      List<Extent> extents =
          Await.done(
              volume.status(
                  Extent.BASE_ALLOCATION, at, Math.min(STEP, size - at), most - runs.size()),
              LIMIT,
              "mapping volume " + entry.suid());
      for (Extent e : extents) {
        add(runs, at, e);
        at += e.length();
      }
    }
    return runs;
  }

  private static void add(List<Run> runs, long at, Extent e) {
    boolean zero = (e.flags() & Extent.ZERO) != 0;
    boolean hole = (e.flags() & Extent.HOLE) != 0;
    int last = runs.size() - 1;
    if (last >= 0 && runs.get(last).zero == zero && runs.get(last).hole == hole) {
      Run r = runs.get(last);
      runs.set(last, new Run(r.offset, r.length + e.length(), r.state, zero, hole));
    } else {
      runs.add(new Run(at, e.length(), zero ? "zero" : "here", zero, hole));
    }
  }
}
