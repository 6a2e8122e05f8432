package dev.wherry.daemon.api;

import dev.wherry.daemon.catalog.VolumeRecord.Backing;
import dev.wherry.daemon.volume.VolumeEntry;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A volume as REST shows it.
 *
 * @param suid the storage unit ID
 * @param size in bytes
 * @param blockSize the unit of the block map in bytes
 * @param readOnly hosts may not write
 * @param shared other nodes have a part in it
 * @param role what this node is to it
 * @param owner the node that owns it
 * @param epoch counts its owners
 * @param handler the path handler's name
 * @param settings of the path handler
 * @param backing the device's spec, or an array where several are concatenated
 * @param readPolicy null where unshared
 * @param writePolicy null where unshared
 * @param ranges null where unshared
 * @param allow who may attach; empty for everyone who can connect
 * @param state {@code online}, {@code suspended} or {@code failed}
 * @param reason why it is failed, or null
 * @param connections how many hosts' connections there are
 * @param blocks the block map in figures
 * @param move what moves, or null
 * @param handover the last one, or null
 * @param nbd where to attach it
 * @param createdAt milliseconds since the epoch
 */
record VolumeView(
    String suid,
    long size,
    int blockSize,
    boolean readOnly,
    boolean shared,
    String role,
    String owner,
    long epoch,
    String handler,
    Map<String, String> settings,
    Object backing,
    @Nullable String readPolicy,
    @Nullable String writePolicy,
    @Nullable List<String> ranges,
    List<String> allow,
    String state,
    @Nullable String reason,
    int connections,
    Blocks blocks,
    @Nullable Object move,
    @Nullable Object handover,
    NbdUris nbd,
    long createdAt) {

  /**
   * The block map in figures.
   *
   * @param total blocks of the volume; the last one may be partial
   * @param here readable without any other store
   * @param dirty differ from the source
   */
  record Blocks(long total, long here, long dirty) {}

  static VolumeView of(VolumeEntry e, String node, NbdUris.Maker uris) {
    var r = e.record();
    long total = (r.size() - 1) / r.blockSize() + 1;
    List<String> specs = r.backing().stream().map(Backing::spec).toList();
    return new VolumeView(
        r.suid(),
        r.size(),
        r.blockSize(),
        r.readOnly(),
        false,
        "owner",
        node,
        1,
        r.handler(),
        r.settings(),
        specs.size() == 1 ? specs.get(0) : specs,
        null,
        null,
        null,
        r.access(),
        e.state(),
        e.reason(),
        e.sessions(),
        new Blocks(total, total, 0),
        null,
        null,
        uris.of(r.suid()),
        r.createdAt());
  }
}
