package dev.wherry.daemon.volume;

import dev.wherry.nbd.Extent;
import dev.wherry.path.Volume;
import dev.wherry.path.shared.ShareState;
import dev.wherry.path.shared.SharedVolume;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** The extents of a volume with their state. */
public final class VolumeMap {
  private static final Duration LIMIT = Duration.ofSeconds(60);
  private static final long STEP = 1L << 40;

  /** The context in which shared volumes tell the state of their blocks, and its flags. */
  private static final String STATE = "wherry:state";

  private static final long NOT_HERE = 1;
  private static final long NEWER = 2;
  private static final long ZERO = 4;

  /**
   * A run of bytes of one state.
   *
   * @param offset first byte
   * @param length in bytes
   * @param state {@code here}: the data is on this node; {@code not-here}: it is only at the
   *     source; {@code newer}: it is here, and may differ from the source; {@code zero}: it reads
   *     as zeroes
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
    ShareState share = entry.shareState();
    SharedVolume engine = entry.engine();
    // Hosts are refused there; operators want to know what is only there.
    boolean fenced = engine != null && share != null && share.fence() != null;
    if (volume == null || (entry.isFailed() && !fenced)) {
      throw Refusal.conflict("volume " + entry.suid() + " is " + entry.state());
    }
    long size = volume.info().size();
    if (offset < 0 || offset > size) {
      throw Refusal.malformed("offset " + offset + " is not within the " + size + " bytes");
    }
    String context = engine == null ? Extent.BASE_ALLOCATION : STATE;
    List<Run> runs = new ArrayList<>();
    long at = offset;
    while (at < size && runs.size() < most) {
      long length = Math.min(STEP, size - at);
      List<Extent> extents =
          fenced
              ? engine.states(at, length, most - runs.size())
              : Await.done(
                  volume.status(context, at, length, most - runs.size()),
                  LIMIT,
                  "mapping volume " + entry.suid());
      for (Extent e : extents) {
        Run run = context.equals(STATE) ? ofState(at, e) : ofAllocation(at, e);
        add(runs, run);
        at += e.length();
      }
    }
    return runs;
  }

  private static Run ofAllocation(long at, Extent e) {
    boolean zero = (e.flags() & Extent.ZERO) != 0;
    boolean hole = (e.flags() & Extent.HOLE) != 0;
    return new Run(at, e.length(), zero ? "zero" : "here", zero, hole);
  }

  private static Run ofState(long at, Extent e) {
    boolean zero = (e.flags() & ZERO) != 0;
    boolean absent = (e.flags() & NOT_HERE) != 0;
    String state =
        absent ? "not-here" : zero ? "zero" : (e.flags() & NEWER) != 0 ? "newer" : "here";
    return new Run(at, e.length(), state, zero, zero || absent);
  }

  private static void add(List<Run> runs, Run run) {
    int last = runs.size() - 1;
    Run r = last < 0 ? null : runs.get(last);
    if (r != null && r.state.equals(run.state) && r.zero == run.zero && r.hole == run.hole) {
      runs.set(last, new Run(r.offset, r.length + run.length, r.state, r.zero, r.hole));
    } else {
      runs.add(run);
    }
  }
}
