package dev.wherry.path.shared;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a node remembers durably of a volume that it has with others. Each change is one commit.
 *
 * @param role what this node is to the volume
 * @param owner the node that owns it, as far as this one knows
 * @param epoch counts the owners; a forced take-over raises it to the next multiple of 65,536
 * @param members the other nodes that have a part in it, by name
 * @param read what becomes of reads of what is not here
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
 */
public record ShareState(
    Role role,
    String owner,
    long epoch,
    List<String> members,
    ReadPolicy read,
    WritePolicy write,
    List<RangePolicy> ranges,
    boolean manual,
    boolean hasStore,
    boolean wanted,
    @Nullable String source,
    @Nullable String base,
    long map,
    @Nullable String fence) {

  public ShareState {
    members = List.copyOf(members);
    ranges = List.copyOf(ranges);
  }

  /** The first state of a volume that this node owns alone. */
  public static ShareState alone(String node) {
    return new ShareState(
        Role.OWNER,
        node,
        1,
        List.of(),
        ReadPolicy.MOVE,
        WritePolicy.LOCAL,
        List.of(),
        false,
        true,
        false,
        null,
        null,
        0,
        null);
  }

  public ShareState withRole(Role newRole, String newOwner, long newEpoch) {
    return new ShareState(
        newRole, newOwner, newEpoch, members, read, write, ranges, manual, hasStore, false, source,
        base, map, fence);
  }

  /** The same role under another owner. */
  public ShareState withOwner(String newOwner, long newEpoch) {
    return new ShareState(
        role, newOwner, newEpoch, members, read, write, ranges, manual, hasStore, false, source,
        base, map, fence);
  }

  public ShareState withMembers(List<String> value) {
    return new ShareState(
        role, owner, epoch, value, read, write, ranges, manual, hasStore, wanted, source, base, map,
        fence);
  }

  public ShareState withPolicies(
      ReadPolicy newRead, WritePolicy newWrite, List<RangePolicy> newRanges, boolean newManual) {
    return new ShareState(
        role, owner, epoch, members, newRead, newWrite, newRanges, newManual, hasStore, wanted,
        source, base, map, fence);
  }

  public ShareState withStore(boolean value) {
    return new ShareState(
        role, owner, epoch, members, read, write, ranges, manual, value, wanted, source, base, map,
        fence);
  }

  public ShareState withWanted(boolean value) {
    return new ShareState(
        role, owner, epoch, members, read, write, ranges, manual, hasStore, value, source, base,
        map, fence);
  }

  public ShareState withSources(@Nullable String newSource, @Nullable String newBase, long newMap) {
    return new ShareState(
        role, owner, epoch, members, read, write, ranges, manual, hasStore, wanted, newSource,
        newBase, newMap, fence);
  }

  public ShareState withFence(@Nullable String value) {
    return new ShareState(
        role, owner, epoch, members, read, write, ranges, manual, hasStore, wanted, source, base,
        map, value);
  }
}
