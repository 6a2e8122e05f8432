package dev.wherry.daemon.api;

import dev.wherry.daemon.catalog.ShareRecord;
import dev.wherry.daemon.catalog.VolumeRecord;
import dev.wherry.daemon.catalog.VolumeRecord.Backing;
import dev.wherry.daemon.volume.ShareStates;
import dev.wherry.daemon.volume.VolumeEntry;
import dev.wherry.path.move.Mover;
import dev.wherry.path.redirect.RedirectPolicy;
import dev.wherry.path.shared.Divergence;
import dev.wherry.path.shared.Lag;
import dev.wherry.path.shared.RangePolicy;
import dev.wherry.path.shared.Role;
import dev.wherry.path.shared.ShareState;
import dev.wherry.path.shared.SharedVolume;
import dev.wherry.path.shared.WritePolicy;
import java.util.List;
import java.util.Locale;
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
 * @param members the other nodes that have a part in it
 * @param handler the path handler's name; the read policy's while something is not here
 * @param settings of the path handler
 * @param backing the device's spec, an array where several are concatenated, or null where nothing
 *     is kept here
 * @param source where blocks come from that are not here, or null
 * @param readPolicy null where unshared
 * @param writePolicy null where unshared
 * @param ranges null where unshared
 * @param manual ownership is taken on demand alone; null where unshared
 * @param away what hosts do while the source is away under the write policy through: {@code
 *     degrade} or {@code stall}; null where unshared
 * @param allow who may attach; empty for everyone who can connect
 * @param state {@code online}, {@code suspended} or {@code failed}
 * @param reason why it is failed, or what is wrong with what is kept here, or missing; or null
 * @param connections how many hosts' connections there are
 * @param blocks the block map in figures
 * @param divergent what only this node may have, where it is fenced: an upper bound; else null
 * @param move what moves, or null
 * @param lag what the source has not got yet under the write policies back and through, or null
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
    List<String> members,
    String handler,
    Map<String, String> settings,
    @Nullable Object backing,
    @Nullable String source,
    @Nullable String readPolicy,
    @Nullable String writePolicy,
    @Nullable List<String> ranges,
    @Nullable Boolean manual,
    @Nullable String away,
    List<String> allow,
    String state,
    @Nullable String reason,
    int connections,
    Blocks blocks,
    @Nullable Divergence divergent,
    @Nullable Move move,
    @Nullable LagView lag,
    @Nullable Handover handover,
    NbdUris nbd,
    long createdAt) {

  /**
   * The block map in figures.
   *
   * @param total blocks of the volume; the last one may be partial
   * @param here readable without any other store
   * @param dirty differ from the source
   */
  record Blocks(long total, long here, long dirty) {
    static Blocks of(VolumeRecord r, @Nullable SharedVolume engine, ShareState state) {
      if (engine != null) {
        SharedVolume.Blocks b = engine.blocks();
        return new Blocks(b.total(), b.here(), b.dirty());
      }
      long total = (r.size() - 1) / r.blockSize() + 1;
      // What a volume has that cannot be opened is not known.
      return new Blocks(total, ShareStates.isPlain(state) ? total : 0, 0);
    }
  }

  /**
   * The background move.
   *
   * @param state {@code running}, {@code paused}, {@code stalled} or {@code done}
   * @param reason why it does not go on, or empty
   * @param percent of the volume's bytes that are here
   * @param bytesPerSecond over the last seconds
   * @param etaSeconds -1 while unknown
   * @param bytesMoved so far
   * @param minimum bytes per second that it makes at least
   * @param bandwidth bytes per second that it never exceeds, or null
   */
  record Move(
      String state,
      String reason,
      double percent,
      long bytesPerSecond,
      long etaSeconds,
      long bytesMoved,
      long minimum,
      @Nullable Long bandwidth) {

    static @Nullable Move of(Mover.@Nullable Status s, ShareRecord.Options o) {
      return s == null
          ? null
          : new Move(
              s.state(),
              s.reason(),
              s.percent(),
              s.bytesPerSecond(),
              s.etaSeconds(),
              s.bytesMoved(),
              o.minimum(),
              o.bandwidth() == Long.MAX_VALUE ? null : o.bandwidth());
    }
  }

  /**
   * How far the source is behind.
   *
   * @param mode {@code through}, {@code back}, or {@code degraded}: as back, because the source was
   *     away
   * @param bytes that it has not got yet
   * @param seconds the age of the oldest of them
   * @param reason why it could not follow the last time, or null
   */
  record LagView(String mode, long bytes, double seconds, @Nullable String reason) {
    static @Nullable LagView of(@Nullable Lag lag) {
      return lag == null
          ? null
          : new LagView(
              lag.mode().name().toLowerCase(Locale.ROOT),
              lag.bytes(),
              lag.oldestNanos() / 1e9,
              lag.failure());
    }
  }

  /**
   * The last hand-over.
   *
   * @param stallMillis how long hosts of this node were held
   * @param at milliseconds since the epoch
   */
  record Handover(double stallMillis, long at) {
    static @Nullable Handover of(SharedVolume.@Nullable Handover h) {
      return h == null ? null : new Handover(h.stallNanos() / 1e6, h.at());
    }
  }

  static VolumeView of(VolumeEntry e, String node, NbdUris.Maker uris) {
    VolumeRecord r = e.record();
    ShareRecord share = e.share();
    SharedVolume engine = e.engine();
    ShareState state = share == null ? ShareState.alone(node) : share.state();
    if (engine != null) {
      state = engine.state();
    }
    boolean shared = state.role() != Role.OWNER || !state.members().isEmpty();
    boolean emulated = shared || state.source() != null;
    List<String> specs = r.backing().stream().map(Backing::spec).toList();
    return new VolumeView(
        r.suid(),
        r.size(),
        r.blockSize(),
        r.readOnly(),
        shared,
        state.role().label(),
        state.owner(),
        state.epoch(),
        state.members(),
        handler(r, engine, state),
        r.settings(),
        specs.isEmpty() ? null : specs.size() == 1 ? specs.get(0) : specs,
        state.source(),
        emulated ? read(state) : null,
        emulated ? write(state) : null,
        emulated ? state.ranges().stream().map(RangePolicy::label).toList() : null,
        emulated ? state.manual() : null,
        emulated && share != null ? (share.options().stall() ? "stall" : "degrade") : null,
        r.access(),
        e.state(),
        e.reason(),
        e.sessions(),
        Blocks.of(r, engine, state),
        engine == null ? null : engine.divergence(),
        engine == null || share == null ? null : Move.of(engine.move(), share.options()),
        engine == null ? null : LagView.of(engine.lag()),
        engine == null ? null : Handover.of(engine.handover()),
        uris.of(r.suid()),
        r.createdAt());
  }

  /** Where all is here it is what it would be without any other node. */
  private static String handler(VolumeRecord r, @Nullable SharedVolume engine, ShareState state) {
    boolean plain = engine == null ? ShareStates.isPlain(state) : engine.isPlain();
    return plain ? r.handler() : read(state);
  }

  /** A node that keeps nothing asks the owner, whatever it would do as the owner. */
  private static String read(ShareState state) {
    return state.hasStore() ? state.read() : RedirectPolicy.NAME;
  }

  /** A node that keeps nothing writes to the owner. */
  private static String write(ShareState state) {
    return (state.hasStore() ? state.write() : WritePolicy.THROUGH).label();
  }
}
