package dev.wherry.daemon.volume;

import dev.wherry.daemon.catalog.Catalog;
import dev.wherry.daemon.catalog.VolumeRecord;
import dev.wherry.daemon.catalog.VolumeRecord.Backing;
import dev.wherry.daemon.process.DataDirectory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;

/**
 * The files that this node made for volumes, and their records: which goes first, so that neither
 * is ever left without the other. A backing that was given stays as it is, always. Methods block.
 */
public final class VolumeStores {
  private final DataDirectory data;
  private final Catalog catalog;
  private final VolumeOpener opener;
  private final Claims claims;
  private final SharedParts shared;
  private final FaultPoints faults;

  VolumeStores(
      DataDirectory data,
      Catalog catalog,
      VolumeOpener opener,
      Claims claims,
      SharedParts shared,
      FaultPoints faults) {
    this.data = data;
    this.catalog = catalog;
    this.opener = opener;
    this.claims = claims;
    this.shared = shared;
    this.faults = faults;
  }

  /**
   * Removes the store of a volume that keeps nothing here any more, and forgets it; a backing that
   * was given stays as it is. The store is closed. Blocks.
   */
  public void free(VolumeEntry entry) {
    VolumeRecord record = entry.record();
    if (record.backing().isEmpty()) {
      return;
    }
    removeImages(record);
    shared.erase(record.suid());
    VolumeRecord without = record.withBacking(List.of());
    Await.committed(catalog.put(without));
    entry.record(without);
    claims.release(record.suid());
  }

  /**
   * Makes a store for a volume that keeps nothing here, with hosts attached. Until its share says
   * that it has one, the next start frees it again. Refused without any effect. Blocks.
   *
   * @param maker makes the store and what lies beside it
   */
  public void give(VolumeEntry entry, Backing store, Consumer<VolumeOpener> maker) {
    VolumeRecord with = entry.record().withBacking(List.of(store));
    requireAbsent(with);
    claims.take(with);
    try {
      Await.committed(catalog.put(with));
      entry.record(with);
      maker.accept(opener);
      claims.take(with);
    } catch (RuntimeException e) {
      if (entry.record().equals(with)) {
        free(entry);
      } else {
        claims.release(entry.suid());
      }
      throw e;
    }
  }

  /** Where a volume's own file is, if it has one. */
  Path image(String suid) {
    return data.image(suid);
  }

  /** Removes a volume's own files, then its record. */
  void erase(VolumeRecord record) {
    removeImages(record);
    shared.erase(record.suid());
    faults.reach("erase: file removed");
    Await.committed(catalog.remove(record.suid()));
  }

  /** A file of ours that is there and in no record may be all that is left of a volume. */
  void requireAbsent(VolumeRecord draft) {
    for (Backing b : draft.backing()) {
      if (b.managed() && Files.exists(Path.of(b.spec()))) {
        throw Refusal.conflict(b.spec() + " is there already; it is not overwritten");
      }
    }
  }

  private void removeImages(VolumeRecord record) {
    for (Backing b : record.backing()) {
      if (b.managed()) {
        Path file = Path.of(b.spec());
        if (!data.volumes().equals(file.getParent())) {
          throw new Refusal(
              Refusal.Kind.UNAVAILABLE,
              file + " is not removed: it is not in " + data.volumes() + " of this daemon");
        }
        try {
          BackingFile.delete(file);
        } catch (IOException e) {
          throw new Refusal(
              Refusal.Kind.UNAVAILABLE, b.spec() + " cannot be removed: " + e.getMessage());
        }
      }
    }
  }
}
