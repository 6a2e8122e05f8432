package dev.wherry.path.map;

import static dev.wherry.path.map.BlockMap.NEWER;
import static dev.wherry.path.map.BlockMap.NOT_HERE;
import static dev.wherry.path.map.BlockMap.SAME;
import static dev.wherry.path.map.BlockMap.ZERO;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

class JournaledMapTest {
  private static final Geometry SMALL = new Geometry(4096, 1L << 24);
  private static final JournaledMap.Limits LIMITS = new JournaledMap.Limits(1 << 20, 100);
  private static final List<JournaledMap.Run> ALL_SAME =
      List.of(new JournaledMap.Run(0, SMALL.blocks(), SAME));

  private final ForgetfulFile file = new ForgetfulFile();
  private long now;
  private final ByteBuf unit = Unpooled.wrappedBuffer(new byte[4096]);

  private JournaledMap create(List<JournaledMap.Run> initial) throws IOException {
    return JournaledMap.create(file, SMALL, initial, Runnable::run, LIMITS);
  }

  /** The store is all zeroes, as is what is written. */
  private JournaledMap open() throws IOException {
    return JournaledMap.open(
        file,
        SMALL,
        (offset, into) -> into.position(into.limit()),
        Runnable::run,
        LIMITS,
        () -> now);
  }

  private static CompletableFuture<Void> flushed() {
    return CompletableFuture.completedFuture(null);
  }

  private void write(JournaledMap map, long block) {
    map.intend(block * 4096, unit).join();
    map.written(block, block + 1);
  }

  private static NbdError errorOf(CompletableFuture<Void> failed) {
    assertTrue(failed.isCompletedExceptionally());
    return NbdException.errorOf(assertThrows(CompletionException.class, failed::join));
  }

  @Test
  void manyWritesToBlocksThatWereTheSameCostOneSyncAnExtent() throws Exception {
    JournaledMap map = create(ALL_SAME);
    for (int block = 0; block < 2048; block++) {
      map.intend(block * 4096L, unit).join();
      map.written(block, block + 1);
    }
    assertEquals(2, file.forces);
    assertTrue(map.settled(0, 2048));
    assertEquals(2048, map.dirty());
  }

  @Test
  void closingTellsWhichBlocksDifferAndWhichAreStillTheSame() throws Exception {
    JournaledMap map = create(ALL_SAME);
    map.intend(5 * 4096L, unit).join();
    map.written(5, 6);
    map.close().join();
    JournaledMap again = open();
    assertEquals(1, again.dirty());
    assertEquals(NEWER, again.state(5));
  }

  @Test
  void afterAKillTheWholeExtentOfAWriteDiffers() throws Exception {
    JournaledMap map = create(ALL_SAME);
    map.intend(5 * 4096L, unit).join();
    file.kill();
    assertEquals(1024, open().dirty());
  }

  @Test
  void aSettledWriteSaysNothingToTheFile() throws Exception {
    JournaledMap map = create(List.of(new JournaledMap.Run(0, 10, NEWER)));
    int before = file.bytes.length;
    assertTrue(map.settled(0, 10));
    map.intend(0, unit).join();
    map.written(0, 1);
    map.commit(JournaledMapTest::flushed).join();
    assertEquals(before, file.bytes.length);
    assertEquals(0, file.forces);
  }

  @Test
  void aFlushThatFailsClaimsNothingAndTheNextOneMay() throws Exception {
    JournaledMap map = create(List.of());
    map.hydrated(0, 100);
    assertTrue(
        map.commit(() -> CompletableFuture.failedFuture(new IOException("medium error")))
            .isCompletedExceptionally());
    assertFalse(map.durable(0));
    map.commit(JournaledMapTest::flushed).join();
    assertTrue(map.durable(99));
    assertEquals(0, map.pending());
  }

  @Test
  void zeroesOverTheSameAreDurableBeforeTheStoreMayForgetWhatItHad() throws Exception {
    JournaledMap map = create(ALL_SAME);
    map.zeroed(5, 6).join();
    file.losePowerOverAllThatWasNotForced();
    JournaledMap again = open();
    assertEquals(ZERO, again.state(5));
    assertEquals(SAME, again.state(4));
  }

  @Test
  void zeroesOverWhatDiffersAnywayCostNoSync() throws Exception {
    JournaledMap map = create(List.of(new JournaledMap.Run(0, 10, NEWER)));
    map.zeroed(5, 20).join();
    assertEquals(0, file.forces);
  }

  @Test
  void whatIsGivenToTheSourceWhileACommitFlushesIsTheSameOnlyAfterTheNextCommit() throws Exception {
    JournaledMap map = create(List.of());
    write(map, 0);
    CompletableFuture<Void> flush = new CompletableFuture<>();
    CompletableFuture<Void> first = map.commit(() -> flush);
    // Not in this flush: a power cut may leave the store with what was there before.
    write(map, 0);
    map.same(0, 1);
    flush.complete(null);
    first.join();
    assertEquals(SAME, map.state(0));
    assertFalse(map.durable(0));
    byte[] now = file.bytes.clone();
    file.losePowerOverAllThatWasNotForced();
    assertEquals(NEWER, open().state(0));
    file.bytes = now;
    map.commit(JournaledMapTest::flushed).join();
    assertTrue(map.durable(0));
    file.losePowerOverAllThatWasNotForced();
    assertEquals(SAME, open().state(0));
  }

  @Test
  void aFullDiskRefusesAWriteAndTheNextOneIsTriedAgain() throws Exception {
    JournaledMap map = create(List.of());
    file.failure = new IOException("No space left on device");
    assertEquals(NbdError.ENOSPC, errorOf(map.intend(0, unit)));
    assertEquals(NbdError.ENOSPC, errorOf(map.zeroed(0, 5)));
    assertEquals(NOT_HERE, map.state(0));
    file.failure = null;
    map.intend(0, unit).join();
    map.written(0, 1);
    map.commit(JournaledMapTest::flushed).join();
    assertTrue(map.settled(0, 1));
  }

  /** What a full disk left: no room for another file, and maybe a torn end. */
  private JournaledMap openFull() throws IOException {
    file.full = true;
    JournaledMap map = open();
    assertTrue(file.bytes.length == file.forced, "it is taken for durable");
    return map;
  }

  @Test
  void aMapOpensWhereThereIsNoRoomAndItsJournalGoesOn() throws Exception {
    JournaledMap map = create(ALL_SAME);
    write(map, 5);
    map.zeroed(7, 9).join();
    map.commit(JournaledMapTest::flushed).join();
    int whole = file.bytes.length;
    file.bytes = Arrays.copyOf(file.bytes, whole + 100);
    JournaledMap full = openFull();
    assertEquals(whole, file.bytes.length, "the torn end is gone");
    assertEquals(NEWER, full.state(5));
    assertEquals(ZERO, full.state(7));
    assertTrue(full.takesData());
    full.intend(5 * 4096, unit).join();
    assertEquals(NbdError.ENOSPC, errorOf(full.zeroed(20, 21)));
    file.full = false;
    full.zeroed(20, 21).join();
    full.commit(JournaledMapTest::flushed).join();
    JournaledMap again = open();
    assertEquals(NEWER, again.state(5));
    assertEquals(ZERO, again.state(20));
  }

  /** Its file says so of the extent alone, which comes to rest in time. */
  @Test
  void whatDiffersInAJournalThatWentOnDiffersAlsoWhenItsExtentIsAtRest() throws Exception {
    JournaledMap map = create(ALL_SAME);
    write(map, 5);
    map.commit(JournaledMapTest::flushed).join();
    JournaledMap full = openFull();
    file.full = false;
    full.same(6, 7);
    full.commit(JournaledMapTest::flushed).join();
    write(full, 6);
    full.close().join();
    JournaledMap again = open();
    assertEquals(NEWER, again.state(5));
    assertEquals(NEWER, again.state(6));
  }

  /** Else what the source has might be taken for it, put there in part when the power goes. */
  @Test
  void nothingIsPutBesideWhatWasIntendedInVainUntilThereIsRoomToSayThatItIsVoid() throws Exception {
    JournaledMap map = create(List.of());
    ByteBuf lost = Unpooled.wrappedBuffer(new byte[4096]).setByte(0, 1);
    map.intend(3 * 4096, lost).join();
    JournaledMap full = openFull();
    assertEquals(NOT_HERE, full.state(3));
    assertFalse(full.takesData());
    assertEquals(NbdError.ENOSPC, errorOf(full.intend(8 * 4096, unit)));
    file.full = false;
    passSeconds(1);
    full.intend(8 * 4096, unit).join();
    full.written(8, 9);
    assertTrue(full.takesData());
    full.commit(JournaledMapTest::flushed).join();
    JournaledMap again =
        JournaledMap.open(
            file,
            SMALL,
            (offset, into) -> into.put(new byte[into.remaining()]).put(0, (byte) 1),
            Runnable::run,
            LIMITS,
            () -> now);
    assertEquals(NOT_HERE, again.state(3), "the store has by chance what was intended");
    assertEquals(NEWER, again.state(8));
  }

  /** What holds is not forgotten with what does not. */
  @Test
  void whatWasFoundToHoldOnAFullDiskIsFoundAgainOnceThereIsRoom() throws Exception {
    JournaledMap map = create(List.of());
    write(map, 2);
    map.intend(3 * 4096, Unpooled.wrappedBuffer(new byte[4096]).setByte(0, 1)).join();
    JournaledMap full = openFull();
    assertEquals(NEWER, full.state(2));
    file.full = false;
    assertFalse(full.takesData(), "it makes room for data by that");
    assertTrue(full.takesData());
    JournaledMap again = open();
    assertEquals(NEWER, again.state(2));
    assertFalse(again.durable(2));
    assertEquals(NOT_HERE, again.state(3));
  }

  private void passSeconds(int seconds) {
    now += seconds * 1_000_000_000L;
  }

  /** Hosts that write on and on would have the whole map read and written for each request. */
  @Test
  void onAFullDiskAMapIsWrittenAnewNoSoonerThanASecondLaterAndThenTwiceAsLong() throws Exception {
    ByteBuf lost = Unpooled.wrappedBuffer(new byte[4096]).setByte(0, 1);
    create(List.of()).intend(3 * 4096, lost).join();
    JournaledMap full = openFull();
    ListAppender<ILoggingEvent> said = new ListAppender<>();
    Logger log = (Logger) LoggerFactory.getLogger(Checkpoints.class);
    said.start();
    log.addAppender(said);
    log.setLevel(Level.WARN);
    try {
      for (int pause : new int[] {1, 2, 4, 8, 8}) {
        int before = file.begun;
        for (int asked = 0; asked < 3; asked++) {
          assertFalse(full.takesData());
          assertEquals(NbdError.ENOSPC, errorOf(full.intend(8 * 4096, unit)));
          assertEquals(before + 1, file.begun, "tried again within " + pause + " s");
        }
        passSeconds(pause);
      }
    } finally {
      log.setLevel(null);
      log.detachAppender(said);
    }
    assertEquals(1, said.list.size(), () -> "said more than once: " + said.list);
    file.full = false;
    full.intend(8 * 4096, unit).join();
    assertTrue(full.takesData());
  }

  /** So it is where room is found for what is written only once it is made durable, as with NFS. */
  @Test
  void aMapOpensWhereOnlyTheSwapFindsThatThereIsNoRoom() throws Exception {
    JournaledMap map = create(ALL_SAME);
    write(map, 5);
    map.zeroed(7, 9).join();
    map.commit(JournaledMapTest::flushed).join();
    byte[] before = file.bytes.clone();
    file.fullAtSwap = true;
    JournaledMap full = open();
    assertArrayEquals(before, file.bytes, "its journal goes on");
    assertTrue(full.journalLength() > 0);
    assertEquals(NEWER, full.state(5));
    full.zeroed(20, 21).join();
    full.commit(JournaledMapTest::flushed).join();
    file.fullAtSwap = false;
    JournaledMap again = open();
    assertEquals(NEWER, again.state(5));
    assertEquals(ZERO, again.state(7));
    assertEquals(ZERO, again.state(20));
    assertEquals(0, again.journalLength());
  }

  @Test
  void aMapInUseGoesOnWhereOnlyTheSwapFindsThatThereIsNoRoom() throws Exception {
    JournaledMap map = create(List.of());
    file.fullAtSwap = true;
    int made = file.begun;
    long written = 0;
    while (file.begun == made) {
      write(map, written++ % SMALL.blocks());
    }
    map.commit(JournaledMapTest::flushed).join();
    map.zeroed(0, 1).join();
    JournaledMap full = open();
    assertEquals(ZERO, full.state(0));
    assertEquals(NEWER, full.state(1));
  }

  @Test
  void anErrorOfTheFileBreaksTheMapForGood() throws Exception {
    JournaledMap map = create(List.of());
    file.failure = new IOException("Input/output error");
    assertEquals(NbdError.EIO, errorOf(map.zeroed(0, 5)));
    file.failure = null;
    assertEquals(NbdError.EIO, errorOf(map.intend(0, unit)));
    assertEquals(NbdError.EIO, errorOf(map.commit(JournaledMapTest::flushed)));
  }

  @Test
  void aDamagedHeaderOrCheckpointIsRefused() throws Exception {
    create(ALL_SAME);
    byte[] good = file.bytes.clone();
    for (int at = 0; at < good.length; at += 3) {
      file.bytes = good.clone();
      file.bytes[at] ^= 4;
      IOException refused = assertThrows(IOException.class, this::open, "byte " + at);
      assertTrue(refused.getMessage().contains("damaged at byte"), refused.getMessage());
    }
    for (int length = 0; length < good.length; length += 7) {
      file.bytes = java.util.Arrays.copyOf(good, length);
      assertThrows(IOException.class, this::open, "length " + length);
    }
  }

  @Test
  void aTornEndOfTheJournalIsDropped() throws Exception {
    JournaledMap map = create(List.of());
    map.zeroed(0, 5).join();
    int whole = file.bytes.length;
    map.zeroed(7, 9).join();
    file.bytes = java.util.Arrays.copyOf(file.bytes, whole + 20);
    JournaledMap again = open();
    assertEquals(ZERO, again.state(4));
    assertEquals(NOT_HERE, again.state(7));
  }

  @Test
  void damageBeforeWhatWasForcedLaterIsRefused() throws Exception {
    JournaledMap map = create(List.of());
    int at = file.bytes.length;
    map.zeroed(0, 5).join();
    map.commit(JournaledMapTest::flushed).join();
    map.zeroed(7, 9).join();
    file.bytes[at + 30] ^= 1;
    IOException refused = assertThrows(IOException.class, this::open);
    assertEquals(
        "the journal is damaged at byte " + at + ", before what follows at byte " + (at + 48),
        refused.getMessage());
  }

  @Test
  void anotherGeometryIsRefused() throws Exception {
    create(List.of());
    IOException refused =
        assertThrows(
            IOException.class,
            () ->
                JournaledMap.open(
                    file,
                    new Geometry(8192, 1L << 24),
                    (offset, into) -> {},
                    Runnable::run,
                    LIMITS,
                    () -> now));
    assertEquals(
        "the block map is of a volume of 16777216 bytes in blocks of 4096,"
            + " not of 16777216 bytes in blocks of 8192",
        refused.getMessage());
  }

  @Test
  void anotherVersionIsRefused() throws Exception {
    Records records = new Records();
    records.header(4096, 1L << 24, 0);
    java.nio.ByteBuffer frame = records.frame(0, 0);
    frame.putLong(Records.FRAME + Records.RECORD, 7);
    frame.putInt(16, Records.checksumOfAll(frame, 0));
    file.prepare(frame);
    file.swap();
    assertEquals(
        "the block map has version 7; this program knows 1",
        assertThrows(IOException.class, this::open).getMessage());
  }

  @Test
  void aMapInARealFileComesBack(@TempDir Path directory) throws Exception {
    Path path = directory.resolve("m");
    JournaledMap map =
        JournaledMap.create(FileMapFile.open(path), 4096, 1L << 30, List.of(), Runnable::run);
    for (int i = 0; i < 1000; i++) {
      map.zeroed(i * 3L, i * 3L + 1).join();
    }
    map.hydratedHole(100_000, 200_000);
    map.commit(JournaledMapTest::flushed).join();
    map.close().join();
    JournaledMap again =
        JournaledMap.open(
            FileMapFile.open(path), 4096, 1L << 30, (offset, into) -> {}, Runnable::run);
    assertEquals(101_000, again.here());
    assertEquals(1000, again.dirty());
    assertEquals(200_000, again.runEnd(100_000, again.blocks()));
    again.close().join();
    assertEquals(List.of("m"), List.of(directory.toFile().list()));
  }
}
