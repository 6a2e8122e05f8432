package dev.wherry.daemon.catalog;

import dev.wherry.daemon.catalog.ShareRecord.Options;
import dev.wherry.path.shared.RangePolicy;
import dev.wherry.path.shared.Role;
import dev.wherry.path.shared.Run;
import dev.wherry.path.shared.ShareState;
import dev.wherry.path.shared.Successor;
import dev.wherry.path.shared.WritePolicy;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Shares as rows. Stateless; the caller holds the connection and the transaction. */
final class ShareRows {
  /**
   * A record as it was found.
   *
   * @param intact its checksums are the ones that were written with it
   */
  record Stored(ShareRecord share, boolean intact) {}

  private static final Pattern RUN = Pattern.compile("([0-9]{1,18})-([0-9]{1,18})");

  private ShareRows() {}

  static List<Stored> read(Connection db) throws SQLException {
    return Rows.read(
        db,
        "SELECT v.id, v.suid, s.role, s.owner, s.epoch, s.read_policy, s.write_policy, s.manual,"
            + " s.has_store, s.wanted, s.source, s.base, s.fence, s.map, s.checksum,"
            + " o.booked, o.minimum, o.bandwidth, o.checksum, s.losses, s.boot,"
            + " s.pledge, s.pledge_lossy, s.outdated, s.successor, s.successor_epoch,"
            + " s.successor_source, o.stall"
            + " FROM share s JOIN volume v ON v.id = s.volume_id"
            + " LEFT JOIN share_option o ON o.volume_id = s.volume_id ORDER BY v.id",
        r -> row(db, r));
  }

  private static Stored row(Connection db, ResultSet r) throws SQLException {
    long id = r.getLong(1);
    List<String> members =
        Rows.read(
            db,
            "SELECT node FROM share_member WHERE volume_id = ? ORDER BY position",
            m -> m.getString(1),
            id);
    List<RangePolicy> ranges =
        Rows.read(
            db,
            "SELECT offset, length, policy FROM share_range WHERE volume_id = ? ORDER BY position",
            p -> new RangePolicy(p.getLong(1), p.getLong(2), named(p.getString(3))),
            id);
    ShareState state =
        new ShareState(
            Role.valueOf(r.getString(3)),
            r.getString(4),
            r.getLong(5),
            members,
            named(r.getString(6)),
            WritePolicy.valueOf(r.getString(7)),
            ranges,
            r.getBoolean(8),
            r.getBoolean(9),
            r.getBoolean(10),
            r.getString(11),
            r.getString(12),
            r.getLong(14),
            r.getString(13),
            r.getLong(20),
            r.getString(21),
            pledge(r.getString(22), r.getBoolean(23)),
            runs(r.getString(24)),
            successor(r));
    boolean intact = ShareRecord.checksum(state) == r.getLong(15);
    Options options = new Options(r.getLong(16), r.getLong(17), r.getLong(18), r.getBoolean(28));
    intact &= options.checksum() == r.getLong(19);
    return new Stored(new ShareRecord(r.getString(2), state, options), intact);
  }

  /** A read policy's name as it stands in a row: in capitals, as all that is one of several. */
  static String stored(String policy) {
    return policy.toUpperCase(Locale.ROOT);
  }

  private static String named(String stored) {
    return stored.toLowerCase(Locale.ROOT);
  }

  private static @Nullable Successor successor(ResultSet r) throws SQLException {
    String node = r.getString(25);
    return node == null
        ? null
        : new Successor(node, r.getLong(26), Successor.Source.valueOf(r.getString(27)));
  }

  /**
   * Replaces the state; the options stay, or become the first ones.
   *
   * @param before the state that is there, or null if that is not known
   */
  static void put(Connection db, String suid, @Nullable ShareState before, ShareState s)
      throws SQLException {
    long id = id(db, suid);
    if (before == null) {
      insert(db, id);
      options(db, id, Options.DEFAULT, "NOTHING");
    }
    update(db, id, s);
    if (before == null || !before.members().equals(s.members())) {
      members(db, id, s.members());
    }
    if (before == null || !before.ranges().equals(s.ranges())) {
      ranges(db, id, s.ranges());
    }
  }

  private static void update(Connection db, long id, ShareState s) throws SQLException {
    Successor by = s.successor();
    Rows.update(
        db,
        "UPDATE share SET role = ?, owner = ?, epoch = ?, read_policy = ?, write_policy = ?,"
            + " manual = ?, has_store = ?, wanted = ?, source = ?, base = ?, fence = ?, map = ?,"
            + " checksum = ?, losses = ?, boot = ?, pledge = ?, pledge_lossy = ?, outdated = ?,"
            + " successor = ?, successor_epoch = ?, successor_source = ? WHERE volume_id = ?",
        s.role().name(),
        s.owner(),
        s.epoch(),
        stored(s.read()),
        s.write().name(),
        s.manual() ? 1 : 0,
        s.hasStore() ? 1 : 0,
        s.wanted() ? 1 : 0,
        s.source(),
        s.base(),
        s.fence(),
        s.map(),
        ShareRecord.checksum(s),
        s.losses(),
        s.boot(),
        s.pledge() == null ? null : s.pledge().to(),
        s.pledge() != null && s.pledge().lossy() ? 1 : 0,
        text(s.outdated()),
        by == null ? null : by.node(),
        by == null ? 0 : by.epoch(),
        by == null ? null : by.source().name(),
        id);
  }

  private static ShareState.@Nullable Pledge pledge(@Nullable String to, boolean lossy) {
    return to == null ? null : new ShareState.Pledge(to, lossy);
  }

  private static String text(List<Run> runs) {
    return runs.stream().map(r -> r.from() + "-" + r.end()).collect(Collectors.joining(","));
  }

  /** A text that is none of runs is that of a record that rotted, as its checksum shows. */
  private static List<Run> runs(String text) {
    Matcher m = RUN.matcher(text);
    List<Run> runs = new ArrayList<>();
    while (m.find()) {
      runs.add(new Run(Long.parseLong(m.group(1)), Long.parseLong(m.group(2))));
    }
    return runs;
  }

  /** Sees to it that there is a row, for {@link #update}. */
  private static void insert(Connection db, long id) throws SQLException {
    Rows.update(
        db,
        "INSERT INTO share (volume_id, role, owner, epoch, read_policy, write_policy, manual,"
            + " has_store, wanted, map, checksum)"
            + " VALUES (?, 'STANDBY', '', 1, '', '', 0, 0, 0, 0, 0)"
            + " ON CONFLICT (volume_id) DO NOTHING",
        id);
  }

  private static void members(Connection db, long id, List<String> members) throws SQLException {
    Rows.update(db, "DELETE FROM share_member WHERE volume_id = ?", id);
    int position = 0;
    for (String m : members) {
      Rows.update(db, "INSERT INTO share_member VALUES (?, ?, ?)", id, position++, m);
    }
  }

  private static void ranges(Connection db, long id, List<RangePolicy> ranges) throws SQLException {
    Rows.update(db, "DELETE FROM share_range WHERE volume_id = ?", id);
    int position = 0;
    for (RangePolicy p : ranges) {
      Rows.update(
          db,
          "INSERT INTO share_range VALUES (?, ?, ?, ?, ?)",
          id,
          position++,
          p.offset(),
          p.length(),
          stored(p.policy()));
    }
  }

  static void options(Connection db, String suid, Options o) throws SQLException {
    options(
        db,
        id(db, suid),
        o,
        "UPDATE SET booked = excluded.booked, minimum = excluded.minimum,"
            + " bandwidth = excluded.bandwidth, checksum = excluded.checksum,"
            + " stall = excluded.stall");
  }

  private static void options(Connection db, long id, Options o, String otherwise)
      throws SQLException {
    Rows.update(
        db,
        "INSERT INTO share_option (volume_id, booked, minimum, bandwidth, checksum, stall)"
            + " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (volume_id) DO "
            + otherwise,
        id,
        o.booked(),
        o.minimum(),
        o.bandwidth(),
        o.checksum(),
        o.stall() ? 1 : 0);
  }

  private static long id(Connection db, String suid) throws SQLException {
    List<Long> ids = Rows.read(db, "SELECT id FROM volume WHERE suid = ?", r -> r.getLong(1), suid);
    if (ids.isEmpty()) {
      throw new SQLException("volume " + suid + " is not in the catalog");
    }
    return ids.get(0);
  }
}
