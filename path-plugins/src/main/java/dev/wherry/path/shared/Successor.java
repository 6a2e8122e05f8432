package dev.wherry.path.shared;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Who owns a volume that this node is fenced from, as far as it has heard: the last one, after
 * whatever hand-overs there were.
 *
 * @param node its name
 * @param epoch of its ownership
 * @param source what has become of this node's own source
 */
public record Successor(String node, long epoch, Source source) {
  /** What another node that owns the volume has to do with the source of the one that is fenced. */
  public enum Source {
    /** Nobody is known to have owned the volume with that store. */
    UNTOUCHED,

    /**
     * The store of the source was the successor's from the start, and has all blocks: it has what
     * this node has, but for what differs from the source here.
     */
    TAKEN_OVER,

    /** Some node has owned the volume with that store since, and changed it. */
    CHANGED
  }

  /** What {@link Fence#why} says, also in the states that had nothing but that. */
  private static final Pattern SAID =
      Pattern.compile("node (\\S+) was made the owner in epoch (\\d{1,18})(\\D.*|)");

  /** The first that is heard of, by a node that is in this state. */
  static Successor of(String node, long epoch, ShareState s) {
    return new Successor(node, epoch, isSource(node, s) ? Source.CHANGED : Source.UNTOUCHED);
  }

  /**
   * The one that the reason of a fence names.
   *
   * @return null if it names none
   */
  static @Nullable Successor said(String why, ShareState s) {
    Matcher m = SAID.matcher(why);
    return m.matches() ? of(m.group(1), Long.parseLong(m.group(2)), s) : null;
  }

  /** As {@link ShareState#yieldsTo}. */
  boolean yieldsTo(String other, long itsEpoch) {
    return itsEpoch > epoch || (itsEpoch == epoch && other.compareTo(node) < 0);
  }

  /** A later one that is heard of, or this one where it is none. */
  Successor then(String next, long itsEpoch, ShareState s) {
    if (!yieldsTo(next, itsEpoch)) {
      return this;
    }
    boolean changed = source == Source.UNTOUCHED && isSource(next, s);
    return new Successor(next, itsEpoch, changed ? Source.CHANGED : source);
  }

  /**
   * It says that it took over with a store of its own, and misses no block of it: if that is the
   * source here, and nobody else has owned the volume in between, it began with what is the same
   * there and here.
   */
  Successor withOwnStore(ShareState s) {
    boolean first = epoch == Ownership.forcedAfter(s.epoch());
    return first && s.base() == null && NodeSource.name(node).equals(s.source())
        ? new Successor(node, epoch, Source.TAKEN_OVER)
        : this;
  }

  private static boolean isSource(String node, ShareState s) {
    String name = NodeSource.name(node);
    return name.equals(s.source()) || name.equals(s.base());
  }
}
