package dev.wherry.daemon.catalog;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.zip.CRC32C;

/**
 * What is remembered of a volume.
 *
 * @param suid the storage unit ID
 * @param size in bytes, more than 0
 * @param blockSize the unit of the block map in bytes, a power of two
 * @param readOnly hosts may not write
 * @param handler the path handler's name
 * @param settings of the path handler
 * @param backing the devices, in order; several are concatenated; at least one
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

  /** CRC-32C of all of it: tells a record that rotted from one that was written. */
  public long checksum() {
    StringBuilder text = new StringBuilder(256);
    field(text, suid);
    field(text, Long.toString(size));
    field(text, Integer.toString(blockSize));
    field(text, Boolean.toString(readOnly));
    field(text, handler);
    field(text, state.name());
    field(text, Long.toString(createdAt));
    new TreeMap<>(settings)
        .forEach(
            (k, v) -> {
              field(text, k);
              field(text, v);
            });
    for (Backing b : backing) {
      field(text, b.spec);
      field(text, Boolean.toString(b.managed));
    }
    access.forEach(a -> field(text, a));
    CRC32C crc = new CRC32C();
    crc.update(text.toString().getBytes(StandardCharsets.UTF_8));
    return crc.getValue();
  }

  /** Length first, so that no two records have one text. */
  private static void field(StringBuilder text, String value) {
    text.append(value.length()).append(':').append(value);
  }
}
