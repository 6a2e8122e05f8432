package dev.wherry.path.shared;

import dev.wherry.path.ReadPolicies;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What a node remembers durably of a volume that it has with others. Each change is one commit.
 *
 * @param role what this node is to the volume
 * @param owner the node that owns it, as far as this one knows
 * @param epoch counts the owners; a forced take-over raises it to the next multiple of 65,536
 * @param members the other nodes that have a part in it, by name
 * @param read what becomes of what is not here: the name of a {@link dev.wherry.path.ReadPolicy}
 * @param write where the owner writes
 * @param ranges read policies for parts of the volume; the first that covers a block counts
 * @param manual ownership is taken on demand alone, not at the first write
 * @param hasStore this node keeps blocks; false for one that forwards everything
 * @param wanted a hand-over was begun by this node and its outcome is not known yet
 * @param source where blocks come from that are not here: {@code node:NAME}, or the URI of an NBD
 *     server; null if there is no such place, because all is here
 * @param base where blocks come from that the source has not got either, or null: the source of a
 *     node that gave the ownership away before it had all
 * @param map the number of the block map that is valid, or 0 where there is none because all is
 *     here
 * @param fence why the volume may not be served, or null: another node was forced to take it over
 * @param losses grows whenever what hosts were answered, and did not flush, may have been lost:
 *     when an owner starts again without its page cache, when a flush fails, and with a forced
 *     take-over, which raises it to its epoch. The owner counts, and hands the count on with the
 *     ownership; a node that forwards has here how many it knew of when it last had told its hosts
 *     of all
 * @param boot of the operating system in which this node last served its hosts, marked where they
 *     are to be told of a loss yet; null if it stopped in peace, with nothing left that was not
 *     flushed
 * @param pledge to whom the owner has promised the ownership, or null; where this node is a former
 *     owner, a crash has kept that promise
 * @param outdated blocks of which the map, where it is read in another boot than {@code boot}, may
 *     say what was true before the hand-over: they are not here. Empty before anything is flushed
 * @param successor who owns it, where it is fenced here; else null
 */
public record ShareState(
    Role role,
    String owner,
    long epoch,
    List<String> members,
    String read,
    WritePolicy write,
    List<RangePolicy> ranges,
    boolean manual,
    boolean hasStore,
    boolean wanted,
    @Nullable String source,
    @Nullable String base,
    long map,
    @Nullable String fence,
    long losses,
    @Nullable String boot,
    @Nullable Pledge pledge,
    List<Run> outdated,
    @Nullable Successor successor) {

  /** How many runs of {@link #outdated} blocks a state may have: it is to be put in one sync. */
  static final int MOST_OUTDATED = 512;

  public ShareState {
    members = List.copyOf(members);
    ranges = List.copyOf(ranges);
    outdated = List.copyOf(outdated);
  }

  /**
   * The owner's promise to a taker. It is durable before hosts are held for the hand-over, so that
   * nothing need be written while they are: should the owner crash, the taker owns the volume.
   *
   * @param to the taker
   * @param lossy the owner has lost its page cache since, and with it what was not flushed when the
   *     taker asks yet
   */
  public record Pledge(String to, boolean lossy) {}

  /** The first state of a volume that this node owns alone. */
  public static ShareState alone(String node) {
    Draft d = new Draft(Role.OWNER, node, 1);
    d.hasStore = true;
    return d.finish();
  }

  /**
   * The first state of a node that is given a part.
   *
   * @param map as {@link #map}; 0 for a node that keeps no blocks
   */
  public static ShareState standby(String owner, long epoch, long map) {
    Draft d = new Draft(Role.STANDBY, owner, epoch);
    d.hasStore = map != 0;
    d.map = map;
    return d.finish();
  }

  /** A state on its way to the next one: each change below names what it changes, and no more. */
  private static final class Draft {
    Role role;
    String owner;
    long epoch;
    List<String> members = List.of();
    String read = ReadPolicies.DEFAULT;
    WritePolicy write = WritePolicy.LOCAL;
    List<RangePolicy> ranges = List.of();
    boolean manual;
    boolean hasStore;
    boolean wanted;
    @Nullable String source;
    @Nullable String base;
    long map;
    @Nullable String fence;
    long losses;
    @Nullable String boot;
    @Nullable Pledge pledge;
    List<Run> outdated = List.of();
    @Nullable Successor successor;

    Draft(Role role, String owner, long epoch) {
      this.role = role;
      this.owner = owner;
      this.epoch = epoch;
    }

    ShareState finish() {
      return new ShareState(
          role, owner, epoch, members, read, write, ranges, manual, hasStore, wanted, source, base,
          map, fence, losses, boot, pledge, outdated, successor);
    }
  }

  private ShareState with(Consumer<Draft> change) {
    Draft d = new Draft(role, owner, epoch);
    d.members = members;
    d.read = read;
    d.write = write;
    d.ranges = ranges;
    d.manual = manual;
    d.hasStore = hasStore;
    d.wanted = wanted;
    d.source = source;
    d.base = base;
    d.map = map;
    d.fence = fence;
    d.losses = losses;
    d.boot = boot;
    d.pledge = pledge;
    d.outdated = outdated;
    d.successor = successor;
    change.accept(d);
    return d.finish();
  }

  // ------------------------------------------------------------------ the owner changes

  /** Before the boot, where hosts of this node have not been told of what may be lost. */
  private static final String OWES = "owes ";

  /**
   * This node owns it, and begins to take changes.
   *
   * @param owes whether its hosts are still to be told of a loss that the new count has
   */
  public ShareState owned(String node, long newEpoch, long newLosses, String inBoot, boolean owes) {
    return with(
        d -> {
          d.role = Role.OWNER;
          d.owner = node;
          d.epoch = newEpoch;
          d.wanted = false;
          d.losses = newLosses;
          d.boot = owes ? OWES + inBoot : inBoot;
          d.pledge = null;
        });
  }

  /** This node has flushed all, and gives it away. */
  public ShareState given(String newOwner) {
    return with(
        d -> {
          d.role = Role.FORMER;
          d.owner = newOwner;
          d.epoch = epoch + 1;
          d.wanted = false;
          d.pledge = null;
        });
  }

  /** The ownership is promised, or not any more. */
  public ShareState withPledge(@Nullable Pledge value) {
    return with(d -> d.pledge = value);
  }

  /** Whether a crash would make this state the next one, so that it need not be durable first. */
  boolean promises(ShareState next) {
    return role == Role.OWNER && fence == null && pledge != null && given(pledge.to).equals(next);
  }

  /** Whether a crash has kept the promise of this owner, who may not have been asked for it. */
  boolean isGivenByCrash() {
    return role == Role.FORMER && pledge != null;
  }

  /**
   * Whether this node takes another one's word for who owns the volume. Of two owners of one epoch,
   * whom two operators made so where neither could hear of the other, all nodes take the one whose
   * name comes first.
   */
  boolean yieldsTo(String otherOwner, long itsEpoch) {
    return itsEpoch > epoch
        || (itsEpoch == epoch && !isGivenByCrash() && otherOwner.compareTo(owner) < 0);
  }

  /**
   * The nodes that are known to have or have had a part in it. A node has one volume of a name: of
   * two volumes with the same name that are not one, no node is known to both.
   */
  Set<String> parties(String self) {
    Set<String> all = new TreeSet<>(members);
    all.add(self);
    all.add(owner);
    for (String from : new String[] {source, base}) {
      String node = from == null ? null : NodeSource.nodeOf(from);
      if (node != null) {
        all.add(node);
      }
    }
    if (successor != null) {
      all.add(successor.node());
    }
    return all;
  }

  /** The same role under another owner. */
  public ShareState withOwner(String newOwner, long newEpoch) {
    return with(
        d -> {
          d.owner = newOwner;
          d.epoch = newEpoch;
          d.wanted = false;
          d.pledge = null;
        });
  }

  /**
   * This node is fenced, and takes the ownership back by force. Its source is what it was, unless
   * that has owned the volume since: its store is not the one that this node's map counts on.
   * Parameters as of {@link #owned}.
   */
  ShareState takenBack(String node, long newEpoch, long newLosses, String inBoot, boolean owes) {
    Successor last = successor;
    boolean changed = last != null && last.source() != Successor.Source.UNTOUCHED;
    return owned(node, newEpoch, newLosses, inBoot, owes)
        .with(
            d -> {
              d.fence = null;
              d.successor = null;
              d.source = changed ? null : source;
              d.base = changed ? null : base;
            });
  }

  // ------------------------------------------------------------------ what may be lost

  /**
   * What this node begins to serve with. Where it was the owner in an earlier boot, what was not
   * flushed may be lost; after a crash of the daemon alone it is in the page cache. What the map
   * has to forget after a loss of power keeps the boot as it was, whatever is put meanwhile, until
   * {@link #begun}.
   */
  public ShareState started(String inBoot) {
    if (fence != null) {
      return successor == null ? with(d -> d.successor = Successor.said(fence, this)) : this;
    }
    boolean rebooted = !isOf(inBoot);
    boolean lossy = rebooted && role == Role.OWNER && boot != null;
    Pledge promised = pledge;
    if (promised != null && role == Role.OWNER) {
      // Whether it has been given as well is known to the taker, who is told of a loss if it asks.
      return given(promised.to)
          .with(
              d -> {
                d.pledge = new Pledge(promised.to, lossy);
                d.boot = rebooted && outdated.isEmpty() ? inBoot : boot;
              });
    }
    return rebooted
        ? with(
            d -> {
              d.losses = losses + (lossy ? 1 : 0);
              d.boot = outdated.isEmpty() ? inBoot : boot;
              d.pledge = promised == null ? null : new Pledge(promised.to, true);
            })
        : this;
  }

  /** The map has forgotten what it had to, durably: hosts are served in that boot from now on. */
  ShareState begun(String inBoot) {
    return with(
        d -> {
          d.outdated = List.of();
          d.boot = isOf(inBoot) ? boot : inBoot;
        });
  }

  /** Whether this node last served its hosts in that boot. */
  boolean isOf(String inBoot) {
    return inBoot.equals(boot) || owes(inBoot);
  }

  /** Whether hosts that this node had in a boot are still to be told of a loss. */
  boolean owes(String inBoot) {
    return (OWES + inBoot).equals(boot);
  }

  /** Hosts that this node has in a boot are to be told of a loss. */
  ShareState owing(String inBoot) {
    return with(d -> d.boot = OWES + inBoot);
  }

  /** The hosts have been told. */
  ShareState told(String inBoot) {
    return owes(inBoot) ? with(d -> d.boot = inBoot) : this;
  }

  /** Nothing is unflushed, and no more changes are taken. */
  public ShareState stopped() {
    return with(
        d -> {
          d.boot = null;
          d.pledge = role == Role.OWNER ? null : pledge;
        });
  }

  /** The owner could not flush: what was not flushed before may be lost. */
  public ShareState withLoss() {
    return withLosses(losses + 1);
  }

  public ShareState withLosses(long value) {
    return with(d -> d.losses = value);
  }

  // ------------------------------------------------------------------ the rest

  /** A promise to one that is no member any more is void. */
  public ShareState withMembers(List<String> value) {
    return with(
        d -> {
          d.members = value;
          d.pledge =
              role == Role.OWNER && pledge != null && !value.contains(pledge.to) ? null : pledge;
        });
  }

  public ShareState withPolicies(
      String newRead, WritePolicy newWrite, List<RangePolicy> newRanges, boolean newManual) {
    return with(
        d -> {
          d.read = newRead;
          d.write = newWrite;
          d.ranges = newRanges;
          d.manual = newManual;
        });
  }

  /** One that keeps nothing has nothing that nobody came for. */
  public ShareState withStore(boolean value) {
    return with(
        d -> {
          d.hasStore = value;
          d.pledge = value ? pledge : null;
        });
  }

  public ShareState withWanted(boolean value) {
    return with(d -> d.wanted = value);
  }

  public ShareState withSources(@Nullable String newSource, @Nullable String newBase, long newMap) {
    return with(
        d -> {
          d.source = newSource;
          d.base = newBase;
          d.outdated = newMap == map ? outdated : List.of();
          d.map = newMap;
        });
  }

  /** What is outdated in the map as it is on disk. */
  public ShareState withOutdated(List<Run> value) {
    return with(d -> d.outdated = value);
  }

  /**
   * Another node was made the owner, and what this one has is kept from it. One whose promise a
   * crash has kept was the owner to the last.
   */
  ShareState fenced(String why, String node, Successor by) {
    return with(
        d -> {
          if (isGivenByCrash()) {
            d.role = Role.OWNER;
            d.owner = node;
          }
          d.pledge = null;
          d.fence = why;
          d.successor = by;
        });
  }

  /** It is fenced, and another one owns it by now. */
  ShareState withSuccessor(Successor value) {
    return with(d -> d.successor = value);
  }
}
