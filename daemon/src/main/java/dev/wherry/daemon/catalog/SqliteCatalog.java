package dev.wherry.daemon.catalog;

import dev.wherry.daemon.process.DataDirectory;
import dev.wherry.path.shared.ShareState;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.sqlite.SQLiteErrorCode;
import org.sqlite.SQLiteJDBCLoader;

/** The catalog in a SQLite file; see {@link Schema} for its tables. */
public final class SqliteCatalog implements Catalog {
  private static final Logger log = LoggerFactory.getLogger(SqliteCatalog.class);

  private static final long SCARCE_BYTES = 64 << 10;

  private final Connection db;
  private final NodeIdentity identity;
  private final List<VolumeRecord> volumes;
  private final List<ShareRecord> shares;
  private final List<PeerRecord> peers;
  private final CatalogWriter writer;
  private final OwnImages images;

  private SqliteCatalog(
      Connection db, OwnImages images, CatalogReserve reserve, String node, Clock clock)
      throws SQLException {
    this.db = db;
    this.images = images;
    this.volumes = List.copyOf(intactVolumes(db, images));
    this.shares = intactShares(db);
    this.peers = intactPeers(db);
    stays(db, node, shares);
    this.identity = identify(db, node, clock);
    this.writer = new CatalogWriter(db, reserve);
  }

  /** Loads SQLite's native library, which takes a while. Blocks. */
  public static void load() {
    try {
      SQLiteJDBCLoader.initialize();
    } catch (Exception e) {
      throw new CatalogException("SQLite cannot be loaded: " + e, e);
    }
  }

  /**
   * Opens the catalog, and makes or migrates it where needed. Blocks.
   *
   * @param data exists
   * @param node the node's name, recorded
   * @throws CatalogException if it cannot be used
   */
  public static SqliteCatalog open(DataDirectory data, String node, Clock clock) {
    Path file = data.catalog();
    OwnImages images = new OwnImages(data);
    Connection db = null;
    try {
      db = CatalogFile.open(file);
      Schema.migrate(db, clock.millis());
      SqliteCatalog catalog = new SqliteCatalog(db, images, new CatalogReserve(data), node, clock);
      catalog.writer.start();
      return catalog;
    } catch (SQLException | CatalogException | IllegalArgumentException e) {
      close(db);
      String why = isFull(e, file) ? "the disk is full: " : "";
      throw new CatalogException("catalog " + file + ": " + why + e.getMessage(), e);
    }
  }

  @Override
  public NodeIdentity identity() {
    return identity;
  }

  @Override
  public List<VolumeRecord> volumes() {
    return volumes;
  }

  @Override
  public CompletableFuture<Void> put(VolumeRecord volume) {
    return writer.submit(c -> VolumeRows.put(c, images.stored(volume)));
  }

  @Override
  public CompletableFuture<Void> remove(String suid) {
    return writer.submit(c -> VolumeRows.remove(c, suid));
  }

  @Override
  public List<ShareRecord> shares() {
    return shares;
  }

  @Override
  public CompletableFuture<Void> put(VolumeRecord volume, ShareRecord share) {
    return writer.submit(
        c -> {
          VolumeRows.put(c, images.stored(volume));
          ShareRows.put(c, volume.suid(), null, share.state());
          ShareRows.options(c, volume.suid(), share.options());
        });
  }

  @Override
  public CompletableFuture<Void> put(String suid, @Nullable ShareState before, ShareState state) {
    return writer.submit(c -> ShareRows.put(c, suid, before, state));
  }

  @Override
  public CompletableFuture<Void> put(String suid, ShareRecord.Options options) {
    return writer.submit(c -> ShareRows.options(c, suid, options));
  }

  @Override
  public List<PeerRecord> peers() {
    return peers;
  }

  @Override
  public CompletableFuture<Void> put(PeerRecord peer) {
    return writer.submit(c -> PeerRows.put(c, peer));
  }

  @Override
  public CompletableFuture<Void> removePeer(String name) {
    return writer.submit(c -> PeerRows.remove(c, name));
  }

  /** How many transactions were committed since it was opened. */
  public long commits() {
    return writer.commits();
  }

  @Override
  public void close() {
    writer.stop();
    close(db);
  }

  private static List<VolumeRecord> intactVolumes(Connection db, OwnImages images)
      throws SQLException {
    List<VolumeRecord> found = new ArrayList<>();
    for (VolumeRows.Stored s : VolumeRows.read(db)) {
      if (!s.intact()) {
        throw new CatalogException(
            "the record of volume " + s.volume().suid() + " does not match its checksum");
      }
      found.add(images.located(s.volume()));
    }
    return found;
  }

  private static List<ShareRecord> intactShares(Connection db) throws SQLException {
    List<ShareRecord> found = new ArrayList<>();
    for (ShareRows.Stored s : ShareRows.read(db)) {
      if (!s.intact()) {
        throw new CatalogException(
            "the share of volume " + s.share().suid() + " does not match its checksum");
      }
      found.add(s.share());
    }
    return List.copyOf(found);
  }

  private static List<PeerRecord> intactPeers(Connection db) throws SQLException {
    List<PeerRecord> found = new ArrayList<>();
    for (PeerRows.Stored s : PeerRows.read(db)) {
      if (!s.intact()) {
        throw new CatalogException(
            "the record of node " + s.peer().name() + " does not match its checksum");
      }
      found.add(s.peer());
    }
    return List.copyOf(found);
  }

  /** Other nodes know a volume's owner by its name: it cannot be called otherwise one day. */
  private static void stays(Connection db, String node, List<ShareRecord> shares)
      throws SQLException {
    List<String> before = Rows.read(db, "SELECT name FROM node", r -> r.getString(1));
    if (!before.isEmpty() && !before.get(0).equals(node) && !shares.isEmpty()) {
      throw new CatalogException(
          "it is of node "
              + before.get(0)
              + ", which has volumes together with others: it cannot become node "
              + node);
    }
  }

  /** SQLite says "I/O error" of some files that it finds no room for. */
  private static boolean isFull(Exception failure, Path file) {
    if (!(failure instanceof SQLException e)) {
      return false;
    }
    int code = e.getErrorCode() & 0xff;
    try {
      return code == SQLiteErrorCode.SQLITE_FULL.code
          || (code == SQLiteErrorCode.SQLITE_IOERR.code
              && Files.getFileStore(file.getParent()).getUsableSpace() < SCARCE_BYTES);
    } catch (IOException unknown) {
      log.debug("the room for {} is unknown", file, unknown);
      return false;
    }
  }

  private static NodeIdentity identify(Connection db, String node, Clock clock)
      throws SQLException {
    try (PreparedStatement insert =
        db.prepareStatement(
            "INSERT INTO node VALUES (1, ?, ?, ?)"
                + " ON CONFLICT (id) DO UPDATE SET name = excluded.name"
                + " WHERE name <> excluded.name")) {
      insert.setString(1, UUID.randomUUID().toString());
      insert.setString(2, node);
      insert.setLong(3, clock.millis());
      insert.executeUpdate();
    }
    try (PreparedStatement q = db.prepareStatement("SELECT uuid, name FROM node");
        ResultSet r = q.executeQuery()) {
      r.next();
      return new NodeIdentity(r.getString(1), r.getString(2));
    }
  }

  private static void close(@Nullable Connection db) {
    if (db == null) {
      return;
    }
    try {
      db.close();
    } catch (SQLException e) {
      log.warn("the catalog cannot be closed", e);
    }
  }
}
