package dev.wherry.daemon.volume;

import dev.wherry.daemon.catalog.VolumeRecord;
import dev.wherry.path.DeviceContext;
import dev.wherry.path.Volume;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The volumes that there are, by name, and which of them are aliases of which: a name is given
 * once, and nothing goes while an alias leads to it. Thread-safe; only {@link #reserve} may block,
 * for a look at the backing.
 */
final class VolumeTable {
  private final Map<String, VolumeEntry> entries = new ConcurrentHashMap<>();

  /** Held to change names and aliases together. */
  private final Object structure = new Object();

  private final Claims claims;

  VolumeTable(Claims claims) {
    this.claims = claims;
  }

  // ------------------------------------------------------------------ looking

  /** All volumes that can be seen, by name. */
  List<VolumeEntry> list() {
    return entries.values().stream()
        .filter(VolumeEntry::visible)
        .sorted(Comparator.comparing(VolumeEntry::suid))
        .toList();
  }

  /** The volume, or a refusal. */
  VolumeEntry get(String suid) {
    Suid.check(suid);
    return find(suid).orElseThrow(() -> Refusal.unknown(suid));
  }

  /** The volume, if it can be seen. */
  Optional<VolumeEntry> find(String suid) {
    return Optional.ofNullable(entries.get(suid)).filter(VolumeEntry::visible);
  }

  /** The volume that an alias leads to, for {@link DeviceContext#volumes}. */
  Optional<Volume> volume(String suid) {
    return find(suid).filter(e -> !e.leaving()).map(VolumeEntry::volume);
  }

  /** Whether this very entry is there still. */
  boolean has(VolumeEntry entry) {
    return entries.get(entry.suid()) == entry;
  }

  /** The names of the volumes that cannot do without a node. */
  List<String> needing(String node) {
    return entries.values().stream()
        .filter(e -> e.share() != null && ShareStates.needs(e.share().state(), node))
        .map(VolumeEntry::suid)
        .sorted()
        .toList();
  }

  // ------------------------------------------------------------------ aliases

  /** What the volume is an alias of, as far as it is there. */
  List<VolumeEntry> targets(VolumeRecord record) {
    return record.aliasOf().stream().map(entries::get).filter(Objects::nonNull).toList();
  }

  /** All entries; aliases before what they lead to, and aliases of aliases before those. */
  List<VolumeEntry> aliasesFirst() {
    List<VolumeEntry> order = new ArrayList<>(entries.values());
    order.sort(Comparator.comparingInt((VolumeEntry e) -> depth(e.record())).reversed());
    return order;
  }

  /** How many volumes in a row it leads to: 0 for one that is no alias. There are no cycles. */
  private int depth(VolumeRecord record) {
    return targets(record).stream().mapToInt(e -> 1 + depth(e.record())).max().orElse(0);
  }

  // ------------------------------------------------------------------ coming and going

  /** Lists a volume that there was before. */
  void put(VolumeEntry entry) {
    entries.put(entry.suid(), entry);
  }

  /**
   * Takes the name and the backing, so that nobody else can while they are being made.
   *
   * @return an entry that cannot be seen yet, and that nobody else changes
   */
  VolumeEntry reserve(VolumeRecord draft) {
    synchronized (structure) {
      if (entries.containsKey(draft.suid())) {
        throw Refusal.conflict("volume " + draft.suid() + " exists");
      }
      for (String target : draft.aliasOf()) {
        VolumeEntry t = entries.get(target);
        if (t == null || !t.visible() || t.leaving()) {
          throw Refusal.impossible("backing wherry:" + target + ": there is no such volume");
        }
      }
      claims.take(draft);
      VolumeEntry entry = new VolumeEntry(draft, false);
      entry.begin("created");
      entries.put(draft.suid(), entry);
      return entry;
    }
  }

  /** Has nobody attach or lead an alias to it any more; refuses where somebody does. */
  void takeLeave(VolumeEntry entry, boolean force) {
    synchronized (structure) {
      for (VolumeEntry other : entries.values()) {
        if (other.record().aliasOf().contains(entry.suid())) {
          throw Refusal.conflict(
              "volume " + entry.suid() + " is what volume " + other.suid() + " is an alias of");
        }
      }
      if (entry.sessions() > 0 && !force) {
        throw Refusal.conflict(
            "volume "
                + entry.suid()
                + " has "
                + entry.sessions()
                + " connections; --force deletes it all the same");
      }
      entry.leaving(true);
    }
  }

  /** Gives up its name and its backing. */
  void remove(VolumeEntry entry) {
    entries.remove(entry.suid());
    claims.release(entry.suid());
  }
}
