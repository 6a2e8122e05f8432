package dev.wherry.path.shared;

import static dev.wherry.path.shared.StoreFixture.BLOCK;
import static dev.wherry.path.shared.StoreFixture.BLOCKS;
import static dev.wherry.path.shared.StoreFixture.SIZE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.nbd.FileSlice;
import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import dev.wherry.path.map.BlockMap;
import dev.wherry.path.shared.HeldSource.Fetch;
import io.netty.buffer.ByteBuf;
import java.io.IOException;
import java.lang.reflect.Proxy;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What reads of blocks that are not here fetch, and what is kept of it. */
class LayeredStoreReadTest {
  @TempDir Path directory;
  private StoreFixture f;

  private void open(String policy, RangePolicy... ranges) throws IOException {
    f = new StoreFixture(directory, policy, ranges);
  }

  @AfterEach
  void close() {
    f.close();
  }

  private static RangePolicy range(int from, int end, String policy) {
    return new RangePolicy((long) from * BLOCK, (long) (end - from) * BLOCK, policy);
  }

  private void expectOriginal(long offset, int length) {
    assertArrayEquals(f.original(offset, length), f.read(offset, length));
  }

  private static NbdException failureOf(CompletableFuture<?> request) {
    Throwable t = assertThrows(CompletionException.class, request::join);
    return (NbdException) Failures.causeOf(t);
  }

  @ParameterizedTest
  @ValueSource(strings = {"pull", "move"})
  void aReadBringsTheWholeBlockAndItStays(String policy) throws IOException {
    open(policy);
    expectOriginal(2 * BLOCK + 5000, 100);
    assertEquals(List.of(new Fetch(2 * BLOCK, BLOCK)), f.source.fetches());
    assertEquals(BlockMap.SAME, f.map.state(2));
    assertArrayEquals(f.original(2 * BLOCK, BLOCK), f.disk.content(2 * BLOCK, BLOCK));
    expectOriginal(2 * BLOCK, BLOCK);
    assertEquals(1, f.source.fetches().size());
  }

  /** Else a later read, of the zeroes that the block is for all others, would go back in time. */
  @Test
  void aReadThatIsOvertakenByATrimDoesNotShowWhatIsBeingWrittenAfterIt() throws IOException {
    open("pull");
    f.write(2 * BLOCK, Bytes.of(2, BLOCK));
    f.disk.beforeRead(
        () -> {
          f.store.trim(2 * BLOCK, BLOCK, 0).join();
          f.disk.put(2 * BLOCK, Bytes.of(3, BLOCK)); // A write that is not answered yet.
        });
    assertArrayEquals(new byte[BLOCK], f.read(2 * BLOCK, BLOCK));
  }

  /** A slow host would be sent what is written after a trim, and is shown to nobody else yet. */
  @Test
  void noRangeOfAFileIsSentAsLongAsAMapDecidesWhatItReadsAs() throws IOException {
    open("pull");
    f.write(2 * BLOCK, Bytes.of(2, BLOCK));
    f.store.flush().join();
    try (FileChannel file =
        FileChannel.open(
            directory.resolve("sent"), StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      f.disk.sendFrom(file);
      assertNull(f.store.trySend(2 * BLOCK, BLOCK));
      f.store.map(null);
      FileSlice all = f.store.trySend(2 * BLOCK, BLOCK);
      assertNotNull(all);
      all.release();
    }
  }

  @Test
  void redirectKeepsNothingAndFetchesWhatWasAskedForInWholeUnits() throws IOException {
    open("redirect");
    expectOriginal(2 * BLOCK + 5000, 100);
    expectOriginal(2 * BLOCK + 5000, 100);
    Fetch unit = new Fetch(2 * BLOCK + 4096, 4096);
    assertEquals(List.of(unit, unit), f.source.fetches());
    assertEquals(BlockMap.NOT_HERE, f.map.state(2));
    assertEquals(0, f.disk.writes());
  }

  @Test
  void failFetchesNothingAndSaysWhereTheDataIs() throws IOException {
    open("fail");
    NbdException failure = failureOf(f.store.read(100, 10));
    assertEquals(NbdError.EIO, failure.error());
    assertTrue(NotHere.says(failure, "a"), failure.getMessage());
    assertEquals(List.of(), f.source.fetches());
  }

  @Test
  void whatIsHereIsReadUnderFail() throws IOException {
    open("fail");
    f.write(0, Bytes.of(2, BLOCK));
    assertArrayEquals(Bytes.of(2, BLOCK), f.read(0, BLOCK));
  }

  @Test
  void rangesHaveTheirOwnPolicies() throws IOException {
    open("pull", range(8, 16, "redirect"), range(16, 24, "fail"));
    expectOriginal(7 * BLOCK, 2 * BLOCK);
    assertEquals(BlockMap.SAME, f.map.state(7));
    assertEquals(BlockMap.NOT_HERE, f.map.state(8));
    failureOf(f.store.read(15 * BLOCK, 2 * BLOCK));
    expectOriginal(24 * BLOCK, BLOCK);
  }

  @Test
  void identicalFetchesAtTheSameTimeAreOne() throws IOException {
    open("pull");
    f.source.hold();
    CompletableFuture<ByteBuf> first = f.store.read(0, BLOCK);
    CompletableFuture<ByteBuf> second = f.store.read(0, BLOCK);
    assertEquals(1, f.source.fetches().size());
    f.source.answer();
    assertArrayEquals(f.original(0, BLOCK), Bytes.take(first));
    assertArrayEquals(f.original(0, BLOCK), Bytes.take(second));
    assertEquals(1, f.disk.writes());
  }

  @Test
  void aReadJoinsALargerFetchThatIsUnderWay() throws IOException {
    open("pull");
    f.source.hold();
    CompletableFuture<ByteBuf> large = f.store.read(0, 4 * BLOCK);
    CompletableFuture<ByteBuf> small = f.store.read(2 * BLOCK + 7, 9);
    assertEquals(1, f.source.fetches().size());
    f.source.answer();
    assertArrayEquals(f.original(2 * BLOCK + 7, 9), Bytes.take(small));
    Bytes.take(large);
  }

  @Test
  void whoJoinedAFetchThatFailsFetchesItself() throws IOException {
    open("pull");
    f.source.hold();
    CompletableFuture<ByteBuf> first = f.store.read(0, BLOCK);
    CompletableFuture<ByteBuf> second = f.store.read(0, BLOCK);
    f.source.refuse();
    failureOf(first);
    assertArrayEquals(f.original(0, BLOCK), Bytes.take(second));
  }

  @Test
  void aFetchThatFailedLeavesTheBlockMissing() throws IOException {
    open("pull");
    f.source.fail(true);
    assertEquals(NbdError.EIO, failureOf(f.store.read(0, BLOCK)).error());
    assertEquals(BlockMap.NOT_HERE, f.map.state(0));
    f.source.fail(false);
    expectOriginal(0, BLOCK);
  }

  @Test
  void aBlockThatCannotBeKeptIsReadAllTheSameAndStaysMissing() throws IOException {
    open("pull");
    f.disk.failWrites(true);
    expectOriginal(0, BLOCK);
    assertEquals(BlockMap.NOT_HERE, f.map.state(0));
  }

  @Test
  void aLateFetchNeverOverwritesWhatWasWrittenMeanwhile() throws IOException {
    open("pull");
    f.source.hold();
    CompletableFuture<ByteBuf> read = f.store.read(0, 2 * BLOCK);
    f.write(0, Bytes.of(2, BLOCK));
    f.source.answer();
    Bytes.take(read);
    assertEquals(BlockMap.NEWER, f.map.state(0));
    assertEquals(BlockMap.SAME, f.map.state(1));
    assertArrayEquals(Bytes.of(2, BLOCK), f.read(0, BLOCK));
  }

  @Test
  void aLateFetchNeverBringsBackWhatWasTrimmedMeanwhile() throws IOException {
    open("pull");
    f.source.hold();
    CompletableFuture<ByteBuf> read = f.store.read(0, BLOCK);
    f.store.trim(0, BLOCK, 0).join();
    f.source.answer();
    Bytes.take(read);
    assertEquals(BlockMap.ZERO, f.map.state(0));
    assertArrayEquals(new byte[BLOCK], f.read(0, BLOCK));
  }

  /** The source may have been changed after that: its owner may not know that it is none. */
  @ParameterizedTest
  @ValueSource(strings = {"pull", "redirect"})
  void whatWasAnsweredWhileItWasFetchedIsReadFromHere(String policy) throws IOException {
    open(policy);
    f.source.hold();
    CompletableFuture<ByteBuf> read = f.store.read(100, 4 * BLOCK - 200);
    f.write(BLOCK, Bytes.of(2, BLOCK));
    f.store.trim(2 * BLOCK, BLOCK, 0).join();
    f.source.answer();
    byte[] expected = Bytes.with(f.original(0, 4 * BLOCK), BLOCK, Bytes.of(2, BLOCK));
    expected = Bytes.with(expected, 2 * BLOCK, new byte[BLOCK]);
    assertArrayEquals(Bytes.part(expected, 100, 4 * BLOCK - 200), Bytes.take(read));
    assertEquals(1, f.source.fetches().size());
  }

  /** A map of which a block changes as soon as somebody has looked at it for the second time. */
  private BlockMap changing(long block, Runnable change) {
    int[] looks = {0};
    return (BlockMap)
        Proxy.newProxyInstance(
            BlockMap.class.getClassLoader(),
            new Class<?>[] {BlockMap.class},
            (proxy, method, args) -> {
              Object result = method.invoke(f.map, args);
              if (method.getName().equals("state") && args[0].equals(block) && ++looks[0] == 2) {
                change.run();
              }
              return result;
            });
  }

  @Test
  void aBlockThatIsWrittenWhileItIsLookedAtDoesNotMakeTheNextOneZeroes() throws IOException {
    open("pull");
    f.store.zero(0, BLOCK, 0).join();
    f.write(BLOCK, Bytes.of(2, BLOCK));
    f.store.map(changing(0, () -> f.write(0, Bytes.of(3, BLOCK))));
    byte[] found = f.read(0, 2 * BLOCK);
    assertArrayEquals(Bytes.of(2, BLOCK), Bytes.part(found, BLOCK, BLOCK));
  }

  @Test
  void nothingThatIsHereIsFetchedWithABlockThatIsWrittenWhileItIsLookedAt() throws IOException {
    open("pull");
    f.write(BLOCK, Bytes.of(2, BLOCK));
    f.store.map(changing(0, () -> f.write(0, Bytes.of(3, BLOCK))));
    byte[] found = f.read(0, 2 * BLOCK);
    assertArrayEquals(Bytes.of(2, BLOCK), Bytes.part(found, BLOCK, BLOCK));
    assertEquals(List.of(), f.source.fetches());
  }

  @Test
  void sequentialReadsAreReadAhead() throws IOException {
    open("pull");
    expectOriginal(0, BLOCK);
    expectOriginal(BLOCK, BLOCK);
    assertEquals(BlockMap.SAME, f.map.state(5), "fetched before anybody asked");
    long fetches = f.source.fetches().size();
    expectOriginal(2 * BLOCK, BLOCK);
    assertEquals(fetches, f.source.fetches().size());
  }

  @Test
  void readsHereAndThereFetchNothingAhead() throws IOException {
    open("pull");
    for (int block : new int[] {40, 3, 21, 60, 11}) {
      expectOriginal((long) block * BLOCK, 512);
    }
    assertEquals(5 * BLOCK, f.source.bytes());
  }

  @Test
  void nothingIsReadAheadThatWouldNotBeKept() throws IOException {
    open("pull", range(3, BLOCKS, "redirect"));
    expectOriginal(0, BLOCK);
    expectOriginal(BLOCK, BLOCK);
    assertEquals(3 * BLOCK, f.source.bytes());
  }

  @Test
  void zeroBlocksReadAsZeroesAndAreNotFetched() throws IOException {
    open("pull");
    f.store.zero(3 * BLOCK, 2 * BLOCK, 0).join();
    assertArrayEquals(new byte[2 * BLOCK], f.read(3 * BLOCK, 2 * BLOCK));
    assertEquals(List.of(), f.source.fetches());
    assertEquals(BlockMap.ZERO, f.map.state(3));
  }

  @Test
  void oneReadPutsTogetherWhatIsHereZeroAndElsewhere() throws IOException {
    open("pull");
    f.write(BLOCK, Bytes.of(2, BLOCK));
    f.store.zero(2 * BLOCK, BLOCK, 0).join();
    byte[] expected = Bytes.with(f.original(0, 4 * BLOCK), BLOCK, Bytes.of(2, BLOCK));
    expected = Bytes.with(expected, 2 * BLOCK, new byte[BLOCK]);
    assertArrayEquals(Bytes.part(expected, 100, 4 * BLOCK - 200), f.read(100, 4 * BLOCK - 200));
    assertEquals(2 * BLOCK, f.source.bytes());
  }

  @Test
  void theLastBlockIsFetchedAsFarAsItGoes() throws IOException {
    open("pull");
    int start = (BLOCKS - 1) * BLOCK;
    expectOriginal(SIZE - 10, 10);
    assertEquals(List.of(new Fetch(start, SIZE - start)), f.source.fetches());
    assertEquals(BlockMap.SAME, f.map.state(BLOCKS - 1));
  }

  @Test
  void attemptsLeaveAloneWhatIsNotHere() throws IOException {
    open("pull");
    ByteBuf into = Bytes.lend(new byte[BLOCK]).clear();
    assertFalse(f.store.tryRead(0, 10, into));
    f.store.zero(0, BLOCK, 0).join();
    assertFalse(f.store.tryRead(0, 10, into), "the device may hold anything there");
    f.read(BLOCK, 1);
    assertTrue(f.store.tryRead(BLOCK, 10, into));
  }

  @Test
  void cacheBringsBlocksUnlessTheyWouldNotBeKept() throws IOException {
    open("pull", range(2, 4, "redirect"));
    f.store.cache(0, 6 * BLOCK).join();
    assertEquals(4 * BLOCK, f.source.bytes());
    assertEquals(BlockMap.SAME, f.map.state(5));
    assertEquals(BlockMap.NOT_HERE, f.map.state(2));
  }

  @Test
  void aStoreWithoutAMapHasEverything() throws IOException {
    open("fail");
    f.store.map(null);
    assertArrayEquals(Bytes.of(666, SIZE), f.read(0, SIZE));
  }
}
