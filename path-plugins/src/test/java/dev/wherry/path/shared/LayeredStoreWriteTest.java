package dev.wherry.path.shared;

import static dev.wherry.path.shared.StoreFixture.BLOCK;
import static dev.wherry.path.shared.StoreFixture.BLOCKS;
import static dev.wherry.path.shared.StoreFixture.SIZE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.nbd.Export;
import dev.wherry.path.map.BlockMap;
import dev.wherry.path.shared.HeldSource.Fetch;
import io.netty.buffer.ByteBuf;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What changes of blocks that are not here fetch, and what they leave. */
class LayeredStoreWriteTest {
  @TempDir Path directory;
  private StoreFixture f;

  private void open(String policy) throws IOException {
    f = new StoreFixture(directory, policy);
  }

  @AfterEach
  void close() {
    f.close();
  }

  @ParameterizedTest
  @ValueSource(strings = {"fail", "redirect", "move", "pull"})
  void aWriteOfAWholeBlockFetchesNothing(String policy) throws IOException {
    open(policy);
    f.write(2 * BLOCK, Bytes.of(2, 3 * BLOCK));
    assertEquals(List.of(), f.source.fetches());
    assertArrayEquals(Bytes.of(2, 3 * BLOCK), f.read(2 * BLOCK, 3 * BLOCK));
    assertEquals(3, f.map.dirty());
  }

  @ParameterizedTest
  @ValueSource(strings = {"redirect", "move", "pull"})
  void aWriteOfAPartBringsTheRestOfTheBlockFirst(String policy) throws IOException {
    open(policy);
    f.write(2 * BLOCK + 5000, Bytes.of(2, 100));
    assertEquals(List.of(new Fetch(2 * BLOCK, BLOCK)), f.source.fetches());
    assertEquals(BlockMap.NEWER, f.map.state(2));
    byte[] expected = Bytes.with(f.original(2 * BLOCK, BLOCK), 5000, Bytes.of(2, 100));
    assertArrayEquals(expected, f.read(2 * BLOCK, BLOCK));
    assertEquals(1, f.source.fetches().size());
  }

  @Test
  void aWriteOfAPartFillsTheRestWithZeroesUnderFail() throws IOException {
    open("fail");
    f.write(2 * BLOCK + 5000, Bytes.of(2, 100));
    assertEquals(List.of(), f.source.fetches());
    assertArrayEquals(
        Bytes.with(new byte[BLOCK], 5000, Bytes.of(2, 100)), f.read(2 * BLOCK, BLOCK));
  }

  @Test
  void aWriteAcrossBlocksBringsThoseAtItsEdgesAlone() throws IOException {
    open("pull");
    f.write(100, Bytes.of(2, 3 * BLOCK));
    assertEquals(List.of(new Fetch(0, BLOCK), new Fetch(3 * BLOCK, BLOCK)), f.source.fetches());
    assertArrayEquals(
        Bytes.with(f.original(0, 4 * BLOCK), 100, Bytes.of(2, 3 * BLOCK)), f.read(0, 4 * BLOCK));
  }

  @Test
  void aSecondWriteToTheBlockFetchesNothing() throws IOException {
    open("pull");
    f.write(100, Bytes.of(2, 10));
    f.write(8000, Bytes.of(3, 10));
    assertEquals(1, f.source.fetches().size());
  }

  @Test
  void theLastBlockIsWholeWhereTheVolumeEnds() throws IOException {
    open("pull");
    int start = (BLOCKS - 1) * BLOCK;
    f.write(start, Bytes.of(2, SIZE - start));
    assertEquals(List.of(), f.source.fetches());
    assertArrayEquals(Bytes.of(2, SIZE - start), f.read(start, SIZE - start));
  }

  @Test
  void aPartOfTheLastBlockIsWrittenOverTheRestOfIt() throws IOException {
    open("pull");
    int start = (BLOCKS - 1) * BLOCK;
    f.write(SIZE - 5, Bytes.of(2, 5));
    assertArrayEquals(
        Bytes.with(f.original(start, SIZE - start), SIZE - 5 - start, Bytes.of(2, 5)),
        f.read(start, SIZE - start));
  }

  @Test
  void aWriteFailsIfTheRestOfItsBlockCannotBeHadAndChangesNothing() throws IOException {
    open("pull");
    f.source.fail(true);
    assertThrows(CompletionException.class, () -> f.write(100, Bytes.of(2, 10)));
    assertEquals(BlockMap.NOT_HERE, f.map.state(0));
    f.source.fail(false);
    assertArrayEquals(f.original(0, BLOCK), f.read(0, BLOCK));
  }

  @Test
  void aWriteThatTheDiskRefusesLeavesTheBlockMissing() throws IOException {
    open("pull");
    f.disk.failWrites(true);
    assertThrows(CompletionException.class, () -> f.write(0, Bytes.of(2, BLOCK)));
    f.disk.failWrites(false);
    assertEquals(BlockMap.NOT_HERE, f.map.state(0));
    assertArrayEquals(f.original(0, BLOCK), f.read(0, BLOCK));
  }

  @Test
  void aTrimmedBlockIsNeverFetched() throws IOException {
    open("pull");
    f.store.trim(2 * BLOCK, 2 * BLOCK, 0).join();
    assertArrayEquals(new byte[2 * BLOCK], f.read(2 * BLOCK, 2 * BLOCK));
    f.write(2 * BLOCK + 77, Bytes.of(2, 10));
    assertArrayEquals(Bytes.with(new byte[BLOCK], 77, Bytes.of(2, 10)), f.read(2 * BLOCK, BLOCK));
    assertEquals(List.of(), f.source.fetches());
  }

  @Test
  void aTrimLeavesBlocksThatItCoversInPart() throws IOException {
    open("pull");
    f.store.trim(100, 2 * BLOCK, 0).join();
    byte[] expected = Bytes.with(f.original(0, 3 * BLOCK), BLOCK, new byte[BLOCK]);
    assertArrayEquals(expected, f.read(0, 3 * BLOCK));
  }

  @Test
  void aZeroOfAPartBringsTheRestOfTheBlock() throws IOException {
    open("pull");
    f.store.zero(100, 2 * BLOCK, 0).join();
    byte[] expected = Bytes.with(f.original(0, 3 * BLOCK), 100, new byte[2 * BLOCK]);
    assertArrayEquals(expected, f.read(0, 3 * BLOCK));
    assertEquals(2 * BLOCK, f.source.bytes());
  }

  @Test
  void aTrimToTheEndTakesThePartialBlockToo() throws IOException {
    open("pull");
    int start = (BLOCKS - 2) * BLOCK;
    f.store.trim(start, SIZE - start, 0).join();
    assertArrayEquals(new byte[SIZE - start], f.read(start, SIZE - start));
    assertEquals(List.of(), f.source.fetches());
  }

  @Test
  void aFlushThatFailsInTheBackgroundIsNotForgotten() throws IOException {
    open("pull");
    f.disk.failFlushes(true);
    for (long written = 0; f.disk.flushes() == 0; written += SIZE) {
      assertTrue(written < 256L << 20, "nothing was committed");
      f.write(0, Bytes.of(2, SIZE));
    }
    f.disk.failFlushes(false);
    assertThrows(CompletionException.class, () -> f.store.flush().join());
  }

  @Test
  void nothingIsTakenForDurableAfterAFlushHasFailed() throws IOException {
    open("move");
    f.read(0, BLOCK);
    Missing mover = new Missing(f.store);
    f.disk.failFlushes(true);
    assertThrows(CompletionException.class, () -> f.store.flush().join());
    f.disk.failFlushes(false);
    assertThrows(CompletionException.class, () -> mover.settle().join());
  }

  @Test
  void flushMakesDurableWhatIsHere() throws IOException {
    open("pull");
    f.write(0, Bytes.of(2, BLOCK));
    f.read(BLOCK, 1);
    assertFalse(f.map.durable(0));
    f.store.flush().join();
    assertEquals(1, f.disk.flushes());
    assertTrue(f.map.durable(0));
    assertTrue(f.map.durable(1));
  }

  @Test
  void fuaMakesTheWriteDurableBeforeItIsAnswered() throws IOException {
    open("pull");
    f.store.write(0, Bytes.lend(Bytes.of(2, BLOCK)), Export.FUA).join();
    assertTrue(f.map.durable(0));
    f.store.zero(BLOCK, BLOCK, Export.FUA).join();
    assertTrue(f.map.durable(1));
    f.store.trim(2 * BLOCK, BLOCK, Export.FUA).join();
    assertTrue(f.map.durable(2));
  }

  @Test
  void nothingIsClaimedIfTheFlushFails() throws IOException {
    open("pull");
    f.write(0, Bytes.of(2, BLOCK));
    f.disk.failFlushes(true);
    assertThrows(CompletionException.class, () -> f.store.flush().join());
    assertFalse(f.map.durable(0));
  }

  @Test
  void aWriteToABlockInTransitWaitsForThatBlockAlone() throws IOException {
    open("pull");
    CompletableFuture<Void> transit = f.disk.holdWrites();
    CompletableFuture<ByteBuf> read = f.store.read(0, BLOCK);
    f.disk.passWrites();
    CompletableFuture<Void> same = f.store.write(0, Bytes.lend(Bytes.of(2, BLOCK)), 0);
    CompletableFuture<Void> other = f.store.write(BLOCK, Bytes.lend(Bytes.of(3, BLOCK)), 0);
    assertTrue(other.isDone());
    assertFalse(same.isDone());
    transit.complete(null);
    same.join();
    assertArrayEquals(f.original(0, BLOCK), Bytes.take(read));
    assertArrayEquals(Bytes.of(2, BLOCK), f.read(0, BLOCK));
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10})
  void anyRequestsLeaveWhatAnArrayWouldHold(long seed) throws IOException {
    Random random = new Random(seed);
    String[] keepers = {"pull", "move", "redirect"};
    open(keepers[random.nextInt(3)]);
    byte[] model = f.content.clone();
    for (int step = 0; step < 200; step++) {
      int offset = random.nextInt(SIZE);
      int length = 1 + random.nextInt(Math.min(SIZE - offset, 1 + random.nextInt(5 * BLOCK)));
      if (random.nextInt(3) == 0) {
        offset -= offset % BLOCK;
        length = Math.min(SIZE - offset, BLOCK * (1 + random.nextInt(4)));
      }
      switch (random.nextInt(5)) {
        case 0 -> {
          byte[] data = Bytes.of(seed * 1000 + step, length);
          f.write(offset, data);
          System.arraycopy(data, 0, model, offset, length);
        }
        case 1 -> {
          f.store.zero(offset, length, random.nextBoolean() ? Export.NO_HOLE : 0).join();
          Arrays.fill(model, offset, offset + length, (byte) 0);
        }
        case 2 -> {
          f.store.trim(offset, length, 0).join();
          int from = (offset + BLOCK - 1) / BLOCK * BLOCK;
          int end = offset + length == SIZE ? SIZE : (offset + length) / BLOCK * BLOCK;
          Arrays.fill(model, Math.min(from, end), end, (byte) 0);
        }
        case 3 -> f.store.flush().join();
        default ->
            assertArrayEquals(
                Bytes.part(model, offset, length), f.read(offset, length), "seed " + seed);
      }
    }
    assertArrayEquals(model, f.read(0, SIZE), "seed " + seed);
  }
}
