package dev.wherry.path.shared;

import static dev.wherry.path.shared.StoreFixture.BLOCK;
import static dev.wherry.path.shared.StoreFixture.SIZE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import dev.wherry.path.TestPolicies;
import dev.wherry.path.map.BlockMap;
import dev.wherry.path.map.FileMapFile;
import dev.wherry.path.map.JournaledMap;
import dev.wherry.path.map.StoreReader;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is left of changes that a map has no room to write down. */
class FullMapTest {
  @TempDir Path directory;
  private CrampedMapFile file;
  private StoreFixture f;

  /** The first block is here, durably, and the same as in the source. */
  @BeforeEach
  void open() throws IOException {
    file = new CrampedMapFile(directory.resolve("map"));
    f = new StoreFixture(TestPolicies.SHIPPED, file, "pull");
    f.read(0, BLOCK);
    f.store.flush().join();
    assertEquals(BlockMap.SAME, f.map.state(0));
  }

  @AfterEach
  void close() {
    f.close();
  }

  private void refuse(Runnable write) {
    file.full(true);
    CompletionException failure = assertThrows(CompletionException.class, write::run);
    assertEquals(NbdError.ENOSPC, NbdException.errorOf(failure));
    file.full(false);
  }

  /** The state of the first block for a daemon that is started after this one was killed. */
  private int stateAfterAKill() throws IOException {
    StoreReader reader =
        (offset, into) -> into.put(f.disk.content(offset, Math.toIntExact(into.remaining())));
    JournaledMap map =
        JournaledMap.open(
            FileMapFile.open(directory.resolve("map")), BLOCK, SIZE, reader, Runnable::run);
    int state = map.state(0);
    map.close().join();
    return state;
  }

  @Test
  void aWriteThatTheMapRefusedLeavesTheBlockAsItWas() {
    refuse(() -> f.write(0, Bytes.of(2, BLOCK)));
    assertEquals(BlockMap.SAME, f.map.state(0));
    assertFalse(f.map.settled(0, 1), "writes would go past the map");
    assertArrayEquals(f.original(0, BLOCK), f.read(0, BLOCK));
  }

  /** Else nobody who takes that block from the source would ever know. */
  @Test
  void aWriteAfterOneThatTheMapRefusedIsKnownToDifferAfterACrash() throws IOException {
    refuse(() -> f.write(0, Bytes.of(2, BLOCK)));
    f.write(0, Bytes.of(3, BLOCK));
    f.store.flush().join();
    assertEquals(BlockMap.NEWER, stateAfterAKill());
  }

  @Test
  void aWriteThatTheDiskRefusedIsKnownToDifferAfterACrash() throws IOException {
    f.disk.failWrites(true);
    assertThrows(CompletionException.class, () -> f.write(0, Bytes.of(2, BLOCK)));
    f.disk.failWrites(false);
    assertEquals(BlockMap.NEWER, f.map.state(0), "it may be torn");
    assertEquals(BlockMap.NEWER, stateAfterAKill());
  }
}
