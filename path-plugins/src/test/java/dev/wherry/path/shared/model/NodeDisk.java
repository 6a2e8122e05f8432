package dev.wherry.path.shared.model;

import dev.wherry.path.shared.ShareState;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** What of a node outlives its daemon: the store, the maps, a batch, the state in the catalog. */
final class NodeDisk {
  @Nullable ShareState state;
  @Nullable Platter platter;
  SimBatchFile batch = new SimBatchFile();
  final Map<Long, SimMapFile> maps = new TreeMap<>();

  /** Its file system has no room, neither for the store nor for a batch. */
  boolean full;

  /** Nor for maps. */
  boolean mapsFull;

  private final String name;
  private int boots;

  NodeDisk(String name) {
    this.name = name;
  }

  @Override
  public String toString() {
    return name;
  }

  /** As the operating system tells one boot from others. */
  String boot() {
    return "boot " + boots;
  }

  /** Whether a write to the store finds room. */
  boolean hasRoom(Platter store, long offset, int length) {
    return !full || store.hasRoom(offset, length);
  }

  void losePower(Random random) {
    boots++;
    if (platter != null) {
      platter.losePower(random);
    }
    maps.values().forEach(m -> m.losePower(random));
    batch.losePower(random);
  }

  void removeAll() {
    state = null;
    maps.clear();
    batch = new SimBatchFile();
    if (platter != null) {
      platter.free();
    }
    platter = null;
  }
}
