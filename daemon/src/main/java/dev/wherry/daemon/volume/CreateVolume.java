package dev.wherry.daemon.volume;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A volume that is wanted.
 *
 * @param suid the storage unit ID
 * @param size in bytes; null for the backing's
 * @param backing the devices; empty for a sparse file in the data directory
 * @param handler the path handler
 * @param settings of the path handler
 * @param blockSize the unit of the block map in bytes
 * @param readOnly hosts may not write
 */
public record CreateVolume(
    String suid,
    @Nullable Long size,
    List<String> backing,
    String handler,
    Map<String, String> settings,
    int blockSize,
    boolean readOnly) {
  public static final String DEFAULT_HANDLER = "local";
  public static final int DEFAULT_BLOCK_SIZE = 4096;
  static final int SMALLEST_BLOCK = 512;
  static final int LARGEST_BLOCK = 16 << 20;
  static final int MOST_BACKINGS = 64;

  public CreateVolume {
    backing = List.copyOf(backing);
    settings = Map.copyOf(settings);
  }

  /** Refuses what no node could make. */
  void check() {
    Suid.check(suid);
    if (size != null && size <= 0) {
      throw Refusal.impossible("size " + size + " of volume " + suid + " is not more than 0 bytes");
    }
    if (size == null && backing.isEmpty()) {
      throw Refusal.impossible("volume " + suid + " has neither a size nor a backing");
    }
    if (Integer.bitCount(blockSize) != 1
        || blockSize < SMALLEST_BLOCK
        || blockSize > LARGEST_BLOCK) {
      throw Refusal.impossible(
          "block size "
              + blockSize
              + " is not a power of two from "
              + SMALLEST_BLOCK
              + " to "
              + LARGEST_BLOCK);
    }
    if (backing.size() > MOST_BACKINGS) {
      throw Refusal.impossible(backing.size() + " backings are more than " + MOST_BACKINGS);
    }
    for (String spec : backing) {
      if (!spec.startsWith("/") && !spec.matches("[a-z][a-z0-9+.-]*:.*")) {
        throw Refusal.malformed(
            "backing '" + spec + "' is neither an absolute path, an NBD URI, nor wherry:SUID");
      }
    }
  }
}
