package dev.wherry.daemon.volume;

import dev.wherry.daemon.catalog.ShareRecord;
import dev.wherry.path.BlockDevice;
import dev.wherry.path.PathHandler;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What the registry leaves to others of volumes that several nodes have. Methods block. */
public interface SharedParts {
  /** Of a node that has none. */
  SharedParts NONE =
      new SharedParts() {
        @Override
        public PathHandler open(VolumeEntry entry, @Nullable BlockDevice store) {
          throw Refusal.impossible("volume " + entry.suid() + " is shared; this node shares none");
        }

        @Override
        public void closed(VolumeEntry entry) {}

        @Override
        public void erase(String suid) {}

        @Override
        public List<Path> sweep(List<ShareRecord> shares) {
          return List.of();
        }
      };

  /**
   * Puts the engine on a store, and makes it known as the entry's.
   *
   * @param store owned by the handler, unless this fails. Null where the node keeps nothing
   */
  PathHandler open(VolumeEntry entry, @Nullable BlockDevice store);

  /** The handler of the entry was closed, or lost its engine. */
  void closed(VolumeEntry entry);

  /** Removes what lies beside the store of a volume that is no more. */
  void erase(String suid);

  /**
   * Removes, at start, what lies beside stores and belongs to no share.
   *
   * @return what was removed
   */
  List<Path> sweep(List<ShareRecord> shares);
}
