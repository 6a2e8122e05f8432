package dev.wherry.path.shared.model;

import dev.wherry.path.BlockDevice;
import dev.wherry.path.map.BlockMap;
import dev.wherry.path.map.MapFile;
import dev.wherry.path.shared.Parts;
import dev.wherry.path.shared.ShareState;
import java.util.concurrent.CompletableFuture;

/** What is under test: the real thing, a stand-in, or the real thing with a bug. */
interface Engine {
  /** Whether there are maps at all. */
  boolean hasMaps();

  /** A node's part in the volume, in a state that was put before. */
  Part open(Parts parts, ShareState state);

  /** What the plain NBD server is opened as. */
  default BlockDevice server(BlockDevice client) {
    return client;
  }

  /** A new map with all blocks in one state. */
  CompletableFuture<BlockMap> createMap(Life life, MapFile file, Settings settings, int state);

  /** A map as it is after whatever happened. */
  CompletableFuture<BlockMap> openMap(Life life, MapFile file, Platter platter, Settings settings);
}
