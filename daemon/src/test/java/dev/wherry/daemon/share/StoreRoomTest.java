package dev.wherry.daemon.share;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.daemon.volume.Refusal;
import dev.wherry.daemon.volume.VolumeRegistryFactory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class StoreRoomTest {
  @TempDir Path dir;

  private StoreRoom room;
  private long free;

  @BeforeEach
  void start() throws IOException {
    room = new StoreRoom(VolumeRegistryFactory.empty(dir));
    free = Files.getFileStore(dir).getUsableSpace();
  }

  private void hasNoRoomFor(Path store, long bytes) {
    Refusal r = assertThrows(Refusal.class, () -> room.check(store, bytes));
    assertEquals(Refusal.Kind.NO_SPACE, r.kind());
    assertTrue(String.valueOf(r.getMessage()).contains(Long.toString(bytes)), r.getMessage());
  }

  @Test
  void whatFitsIsAllowedAndWhatDoesNotIsRefused() {
    room.check(dir.resolve("new"), free / 4);
    hasNoRoomFor(dir.resolve("new"), 2 * free + 1);
  }

  @Test
  void aFileThatIsThereNeedsOnlyWhatItHasNot() throws IOException {
    Path there = dir.resolve("there");
    Files.write(there, new byte[1 << 20]);
    room.check(there, 1 << 20);
  }

  @Test
  void aTwentiethIsAddedToWhatTheOwnerHas() {
    assertEquals(105, StoreRoom.booking(100));
    assertEquals(0, StoreRoom.booking(0));
  }
}
