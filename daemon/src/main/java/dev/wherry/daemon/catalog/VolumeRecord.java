package dev.wherry.daemon.catalog;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * What is remembered of a volume.
 *
 * @param suid the storage unit ID
 * @param size in bytes, more than 0
 * @param blockSize the unit of the block map in bytes, a power of two
 * @param readOnly hosts may not write
 * @param handler the path handler's name
 * @param settings of the path handler
 * @param backing the devices, in order; several are concatenated; at least one, unless the volume
 *     is shared and nothing of it is kept here
 * @param access who may attach: an address range or {@code cn:NAME} each; empty means everyone who
 *     can connect
 * @param state how far its creation or deletion is
 * @param createdAt milliseconds since the epoch
 */
public record VolumeRecord(
    String suid,
    long size,
    int blockSize,
    boolean readOnly,
    String handler,
    Map<String, String> settings,
    List<Backing> backing,
    List<String> access,
    State state,
    long createdAt) {
  private static final String ALIAS = "wherry:";

  /** How far a volume's creation or deletion is. Only what is READY is served. */
  public enum State {
    /** Meant to be made: its own files may or may not be there. Undone at start. */
    CREATING,
    READY,
    /** Meant to be gone: its own files may or may not be there. Finished at start. */
    DELETING
  }

  /**
   * One device behind a volume.
   *
   * @param spec what opens it
   * @param managed it is a file that the daemon made and removes with the volume
   */
  public record Backing(String spec, boolean managed) {}

  public VolumeRecord {
    settings = Map.copyOf(settings);
    backing = List.copyOf(backing);
    access = List.copyOf(access);
  }

  public VolumeRecord withState(State value) {
    return new VolumeRecord(
        suid, size, blockSize, readOnly, handler, settings, backing, access, value, createdAt);
  }

  public VolumeRecord withSize(long value) {
    return new VolumeRecord(
        suid, value, blockSize, readOnly, handler, settings, backing, access, state, createdAt);
  }

  public VolumeRecord withAccess(List<String> value) {
    return new VolumeRecord(
        suid, size, blockSize, readOnly, handler, settings, backing, value, state, createdAt);
  }

  public VolumeRecord withSettings(Map<String, String> value) {
    return new VolumeRecord(
        suid, size, blockSize, readOnly, handler, value, backing, access, state, createdAt);
  }

  public VolumeRecord withBacking(List<Backing> value) {
    return new VolumeRecord(
        suid, size, blockSize, readOnly, handler, settings, value, access, state, createdAt);
  }

  /** The SUIDs of the volumes whose blocks it shows: it is an alias of them. */
  public List<String> aliasOf() {
    return backing.stream()
        .map(Backing::spec)
        .filter(s -> s.startsWith(ALIAS))
        .map(s -> s.substring(ALIAS.length()))
        .toList();
  }

  /** CRC-32C of all of it: tells a record that rotted from one that was written. */
  public long checksum() {
    Checksum sum =
        new Checksum()
            .add(suid)
            .add(size)
            .add(blockSize)
            .add(readOnly)
            .add(handler)
            .add(state)
            .add(createdAt);
    new TreeMap<>(settings).forEach((k, v) -> sum.add(k).add(v));
    backing.forEach(b -> sum.add(b.spec).add(b.managed));
    access.forEach(sum::add);
    return sum.value();
  }
}
