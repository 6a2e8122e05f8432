package dev.wherry.nbd.server;

import static dev.wherry.nbd.Wire.*;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.nbd.ExportInfo;
import dev.wherry.nbd.ExportInfo.Ability;
import dev.wherry.nbd.Extent;
import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.server.ReplyReader.Reply;
import dev.wherry.nbd.server.TestPeer.Mode;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.CsvSource;

/** Every command in every form of replies, however the stream is cut. */
@ParameterizedClass
@CsvSource({
  "SIMPLE, WHOLE, true", "STRUCTURED, WHOLE, true", "EXTENDED, WHOLE, true",
  "SIMPLE, BYTE_BY_BYTE, true", "STRUCTURED, BYTE_BY_BYTE, false", "EXTENDED, BYTE_BY_BYTE, true",
  "SIMPLE, RANDOMLY, false", "STRUCTURED, RANDOMLY, true", "EXTENDED, RANDOMLY, false"
})
class CommandsTest {
  private static final int SIZE = 256 << 10;
  private static final int EPERM = NbdError.EPERM.code();
  private static final int EINVAL = NbdError.EINVAL.code();
  private static final int ENOSPC = NbdError.ENOSPC.code();

  @Parameter(0)
  Mode mode;

  @Parameter(1)
  Feed feed;

  /** Whether the export does requests at once. */
  @Parameter(2)
  boolean attempts;

  private TestServer server;
  private MemoryExport disk;
  private TestPeer peer;

  @BeforeEach
  void attach() {
    server = new TestServer().feed(feed);
    disk = serve("disk", ExportInfo.of(SIZE));
    new Random(1).nextBytes(disk.bytes);
    peer = server.connect().attach(mode, "disk");
  }

  @AfterEach
  void nothingIsLeft() {
    server.close();
  }

  private MemoryExport serve(String name, ExportInfo info) {
    MemoryExport export = new MemoryExport(info, attempts);
    server.serve(name, export);
    return export;
  }

  @Test
  void readBringsTheBytesThatAreThere() {
    for (int length : new int[] {1, 511, 4096, 33_000, 100_000, SIZE}) {
      int offset = (SIZE - length) / 2;
      byte[] read = peer.read(length, offset, length).bytes();
      assertArrayEquals(Arrays.copyOfRange(disk.bytes, offset, offset + length), read);
    }
  }

  @Test
  void zeroesAreReadAsHolesWhereRepliesHaveChunks() {
    Arrays.fill(disk.bytes, (byte) 0);
    disk.bytes[SIZE - 1] = 1;
    for (int length : new int[] {4096, 64 << 10, SIZE}) {
      Reply reply = peer.read(length, 0, length);
      assertArrayEquals(Arrays.copyOf(disk.bytes, length), reply.bytes());
      if (mode != Mode.SIMPLE) {
        assertTrue(reply.types().contains(REPLY_TYPE_OFFSET_HOLE), "length " + length);
      }
    }
  }

  @Test
  void holesInTheMiddleAndAtBothEndsAreFilledInRightly() {
    Arrays.fill(disk.bytes, 0, 50_000, (byte) 0);
    Arrays.fill(disk.bytes, 100_000, 180_000, (byte) 0);
    Arrays.fill(disk.bytes, 200_000, SIZE, (byte) 0);
    for (int offset = 0; offset < 8192; offset += 1777) {
      int length = SIZE - 2 * offset;
      Reply reply = peer.read(9, offset, length);
      assertArrayEquals(Arrays.copyOfRange(disk.bytes, offset, SIZE - offset), reply.bytes());
      if (mode != Mode.SIMPLE) {
        assertTrue(reply.types().size() >= 5, reply.types().toString());
      }
    }
  }

  @Test
  void dontFragmentBringsOneChunkOfData() {
    Arrays.fill(disk.bytes, 0, 100_000, (byte) 0);
    for (int length : new int[] {4096, 200_000}) {
      peer.send(s -> s.request(CMD_READ, CMD_FLAG_DF, 3, 0, length));
      Reply reply = TestPeer.only(peer.received().expectRead(3, 0, length));
      if (mode == Mode.SIMPLE) {
        assertEquals(EINVAL, reply.error());
      } else {
        assertEquals(List.of(REPLY_TYPE_OFFSET_DATA), reply.types());
        assertArrayEquals(Arrays.copyOf(disk.bytes, length), reply.bytes());
      }
    }
  }

  @Test
  void writeChangesItsRangeAlone() {
    byte[] model = disk.bytes.clone();
    for (int length : new int[] {1, 4096, 70_000, 200_000}) {
      byte[] data = new byte[length];
      new Random(length).nextBytes(data);
      System.arraycopy(data, 0, model, 333, length);
      assertEquals(0, peer.request(s -> s.write(1, 333, data)).error());
      assertArrayEquals(model, disk.bytes);
    }
  }

  @Test
  void writeOfTheWholeExportFits() {
    assertEquals(0, peer.request(s -> s.write(1, 0, new byte[SIZE])).error());
    assertArrayEquals(new byte[SIZE], disk.bytes);
  }

  @Test
  void forcedUnitAccessGoesWithEveryCommand() {
    int payload = mode == Mode.EXTENDED ? CMD_FLAG_PAYLOAD_LEN : 0;
    assertEquals(
        0,
        peer.request(s -> s.request(CMD_WRITE, CMD_FLAG_FUA | payload, 1, 0, 4).raw(new byte[4]))
            .error());
    assertEquals(0, peer.request(s -> s.request(CMD_TRIM, CMD_FLAG_FUA, 1, 0, 4)).error());
    assertEquals(0, peer.request(s -> s.request(CMD_WRITE_ZEROES, CMD_FLAG_FUA, 1, 0, 4)).error());
    assertEquals(0, peer.request(s -> s.request(CMD_FLUSH, CMD_FLAG_FUA, 1, 0, 0)).error());
    assertEquals(0, peer.request(s -> s.request(CMD_CACHE, CMD_FLAG_FUA, 1, 0, 4)).error());
  }

  @Test
  void flushSucceeds() {
    assertEquals(0, peer.request(s -> s.request(CMD_FLUSH, 0, 1, 0, 0)).error());
  }

  @Test
  void flushTakesNoRange() {
    assertEquals(EINVAL, peer.request(s -> s.request(CMD_FLUSH, 0, 1, 0, 1)).error());
    assertEquals(EINVAL, peer.request(s -> s.request(CMD_FLUSH, 0, 1, 1, 0)).error());
  }

  @Test
  void writeZeroesZeroes() {
    int flags = CMD_FLAG_NO_HOLE | CMD_FLAG_FAST_ZERO;
    assertEquals(0, peer.request(s -> s.request(CMD_WRITE_ZEROES, flags, 1, 10, 20)).error());
    assertArrayEquals(new byte[20], Arrays.copyOfRange(disk.bytes, 10, 30));
  }

  @Test
  void trimAndCacheSucceed() {
    assertEquals(0, peer.request(s -> s.request(CMD_TRIM, 0, 1, 10, 20)).error());
    assertEquals(0, peer.request(s -> s.request(CMD_CACHE, 0, 1, 10, 20)).error());
  }

  @Test
  void aLengthOfZeroIsInvalid() {
    for (int command :
        new int[] {CMD_READ, CMD_WRITE, CMD_TRIM, CMD_CACHE, CMD_WRITE_ZEROES, CMD_BLOCK_STATUS}) {
      assertEquals(EINVAL, peer.request(s -> s.request(command, 0, 1, 0, 0)).error());
    }
  }

  @Test
  void pastTheEndIsInvalidForWhatReadsAndNoSpaceForWhatWrites() {
    long[][] ranges = {
      {SIZE, 1}, {SIZE - 1, 2}, {0, SIZE + 1}, {Long.MAX_VALUE, 1}, {-1, 1}, {1, 0xffff_ffffL}
    };
    for (long[] r : ranges) {
      for (int command : new int[] {CMD_READ, CMD_TRIM, CMD_CACHE}) {
        assertEquals(EINVAL, peer.request(s -> s.request(command, 0, 1, r[0], r[1])).error());
      }
      assertEquals(
          ENOSPC, peer.request(s -> s.request(CMD_WRITE_ZEROES, 0, 1, r[0], r[1])).error());
    }
    assertEquals(ENOSPC, peer.request(s -> s.write(1, SIZE - 1, new byte[2])).error());
    assertEquals(ENOSPC, peer.request(s -> s.write(1, -8, new byte[8])).error());
    assertEquals(ENOSPC, peer.request(s -> s.write(1, 0, new byte[SIZE + 1])).error());
    assertEquals(0, peer.request(s -> s.write(1, SIZE - 1, new byte[1])).error());
  }

  @Test
  void aReadOnlyExportRefusesWhatWrites() {
    serve("rom", ExportInfo.of(SIZE).withReadOnly(true));
    TestPeer rom = server.connect().attach(mode, "rom");
    assertEquals(EPERM, rom.request(s -> s.write(1, 0, new byte[5000])).error());
    assertEquals(EPERM, rom.request(s -> s.request(CMD_WRITE_ZEROES, 0, 1, 0, 9)).error());
    assertEquals(EPERM, rom.request(s -> s.request(CMD_TRIM, 0, 1, 0, 9)).error());
    assertEquals(9, rom.read(1, 0, 9).bytes().length);
  }

  @Test
  void whatIsNotAMultipleOfTheMinimumBlockIsInvalid() {
    serve("coarse", ExportInfo.of(SIZE).withBlocks(512, 4096));
    TestPeer coarse = server.connect().attach(mode, "coarse");
    assertEquals(EINVAL, coarse.request(s -> s.read(1, 1, 512)).error());
    assertEquals(EINVAL, coarse.request(s -> s.read(1, 512, 511)).error());
    assertEquals(EINVAL, coarse.request(s -> s.write(1, 512, new byte[511])).error());
    assertEquals(EINVAL, coarse.request(s -> s.request(CMD_TRIM, 0, 1, 256, 512)).error());
    assertEquals(0, coarse.request(s -> s.write(1, 512, new byte[1024])).error());
  }

  @Test
  void flagsThatDoNotFitTheCommandAreInvalid() {
    int[][] bad = {
      {CMD_READ, CMD_FLAG_NO_HOLE},
      {CMD_READ, CMD_FLAG_REQ_ONE},
      {CMD_READ, 1 << 9},
      {CMD_FLUSH, CMD_FLAG_DF},
      {CMD_TRIM, CMD_FLAG_FAST_ZERO},
      {CMD_TRIM, CMD_FLAG_NO_HOLE},
      {CMD_CACHE, CMD_FLAG_DF},
      {CMD_WRITE_ZEROES, CMD_FLAG_DF},
      {CMD_WRITE_ZEROES, 1 << 15},
    };
    for (int[] b : bad) {
      int length = b[0] == CMD_FLUSH ? 0 : 16;
      assertEquals(EINVAL, peer.request(s -> s.request(b[0], b[1], 1, 0, length)).error());
    }
    int payload = mode == Mode.EXTENDED ? CMD_FLAG_PAYLOAD_LEN : 0;
    byte[] before = disk.bytes.clone();
    assertEquals(
        EINVAL,
        peer.request(s -> s.request(CMD_WRITE, CMD_FLAG_DF | payload, 1, 0, 16).raw(new byte[16]))
            .error());
    assertArrayEquals(before, disk.bytes);
  }

  @Test
  void whatTheExportCannotIsInvalid() {
    serve("plain", new ExportInfo(SIZE, 1, 4096, false, false, Set.of(), "", List.of()));
    TestPeer plain = server.connect().attach(mode, "plain");
    assertEquals(EINVAL, plain.request(s -> s.request(CMD_FLUSH, 0, 1, 0, 0)).error());
    assertEquals(EINVAL, plain.request(s -> s.request(CMD_TRIM, 0, 1, 0, 1)).error());
    assertEquals(EINVAL, plain.request(s -> s.request(CMD_CACHE, 0, 1, 0, 1)).error());
    assertEquals(EINVAL, plain.request(s -> s.request(CMD_WRITE_ZEROES, 0, 1, 0, 1)).error());
    assertEquals(EINVAL, plain.request(s -> s.request(CMD_READ, CMD_FLAG_FUA, 1, 0, 1)).error());
    assertEquals(0, plain.request(s -> s.write(1, 0, new byte[1])).error());
  }

  @Test
  void anUnadvertisedFastZeroIsInvalid() {
    serve("slow", ExportInfo.of(SIZE).with(Ability.FAST_ZERO, false));
    TestPeer slow = server.connect().attach(mode, "slow");
    assertEquals(
        EINVAL,
        slow.request(s -> s.request(CMD_WRITE_ZEROES, CMD_FLAG_FAST_ZERO, 1, 0, 1)).error());
    assertEquals(0, slow.request(s -> s.request(CMD_WRITE_ZEROES, 0, 1, 0, 1)).error());
  }

  @Test
  void anUnknownCommandIsInvalid() {
    assertEquals(EINVAL, peer.request(s -> s.request(8, 0, 1, 0, 0)).error());
    assertEquals(EINVAL, peer.request(s -> s.request(0xffff, 0, 1, 0, 0)).error());
    assertTrue(peer.open());
  }

  @Test
  void aBadRequestCarriesItsReasonWhereRepliesHaveChunks() {
    Reply reply = peer.request(s -> s.read(77, SIZE, 1));
    assertEquals(77, reply.cookie());
    assertEquals(
        mode == Mode.SIMPLE ? "" : "offset 262144 length 1 is past the end, 262144", reply.text());
  }

  @Test
  void aReadThatIsTooLargeIsInvalid() {
    server.serve("sparse", new HeldExport(ExportInfo.of(256 << 20)));
    TestPeer sparse = server.connect().attach(mode, "sparse");
    assertEquals(EINVAL, sparse.request(s -> s.read(1, 0, (64 << 20) + 1)).error());
  }

  @Test
  void aPayloadThatIsTooLargeIsDrainedAndInvalid() {
    if (feed != Feed.WHOLE) {
      return;
    }
    int length = (64 << 20) + 1;
    int flags = mode == Mode.EXTENDED ? CMD_FLAG_PAYLOAD_LEN : 0;
    peer.send(s -> s.request(CMD_WRITE, flags, 5, 0, length));
    byte[] some = new byte[1 << 20];
    for (int i = 0; i < 64; i++) {
      peer.send(some);
    }
    assertEquals(0, server.core.budget().used());
    assertFalse(peer.received().hasMore());
    assertEquals(EINVAL, peer.request(s -> s.raw(new byte[1])).error());
    assertEquals(1, peer.read(6, 0, 1).bytes().length);
  }

  @Test
  void disconnectIsNotAnsweredAndEndsTheConnection() {
    peer.send(s -> s.read(1, 0, 1).disc().read(2, 0, 1));
    assertEquals(1, peer.received().expectRead(1, 0, 1).replies().size());
    assertFalse(peer.open());
    assertEquals(0, server.directory.open.get());
  }

  @Test
  void aBadMagicEndsTheConnection() {
    peer.send(s -> s.raw(new byte[32]));
    assertFalse(peer.open());
  }

  @Test
  void whatCameBeforeABadMagicIsAnswered() {
    peer.send(s -> s.write(1, 0, (byte) 42).read(2, 0, 1).raw(new byte[32]));
    ReplyReader in = peer.received().expectRead(2, 0, 1);
    assertEquals(0, in.reply().error());
    assertEquals(42, in.reply().bytes()[0]);
    assertFalse(peer.open());
  }

  @Test
  void aPayloadOfMoreThanFourGigabytesEndsTheConnection() {
    if (mode == Mode.EXTENDED) {
      peer.send(s -> s.request(CMD_WRITE, CMD_FLAG_PAYLOAD_LEN, 1, 0, 1L << 32));
      assertFalse(peer.open());
    }
  }

  @Test
  void extendedRequestsHaveEffectsOfAnyLength() {
    if (mode == Mode.EXTENDED) {
      server.serve("huge", new Endless());
      TestPeer huge = server.connect().attach(mode, "huge", "base:allocation");
      long length = 1L << 40;
      assertEquals(0, huge.request(s -> s.request(CMD_WRITE_ZEROES, 0, 1, 4096, length)).error());
      assertEquals(0, huge.request(s -> s.request(CMD_TRIM, 0, 1, 4096, length)).error());
      assertEquals(0, huge.request(s -> s.request(CMD_CACHE, 0, 1, 4096, length)).error());
      Reply status = huge.request(s -> s.request(CMD_BLOCK_STATUS, 0, 1, 4096, length));
      assertEquals(List.of(new Extent(length, 0)), status.extents(1));
      assertEquals(EINVAL, huge.request(s -> s.read(1, 0, length)).error());
      assertEquals(
          ENOSPC, huge.request(s -> s.request(CMD_WRITE_ZEROES, 0, 1, 0, 1L << 63)).error());
    }
  }

  /** Larger than an array could be. */
  private static final class Endless extends MemoryExport {
    Endless() {
      super(ExportInfo.of(0), false);
    }

    @Override
    public ExportInfo info() {
      return ExportInfo.of(1L << 60);
    }

    @Override
    public java.util.concurrent.CompletableFuture<Void> zero(long offset, long length, int flags) {
      return flush();
    }
  }

  @Test
  void aPayloadThatTheCommandDoesNotTakeIsDrainedAndInvalid() {
    if (mode == Mode.EXTENDED) {
      for (int command :
          new int[] {CMD_READ, CMD_TRIM, CMD_FLUSH, CMD_WRITE_ZEROES, CMD_CACHE, 99}) {
        Reply reply =
            peer.request(
                s -> s.request(command, CMD_FLAG_PAYLOAD_LEN, 4, 0, 700).raw(new byte[700]));
        assertEquals(EINVAL, reply.error());
      }
    } else {
      // Not negotiated: the flag is unknown, and no payload follows.
      Reply reply = peer.request(s -> s.request(CMD_READ, CMD_FLAG_PAYLOAD_LEN, 4, 0, 700));
      assertEquals(EINVAL, reply.error());
    }
    assertEquals(1, peer.read(6, 0, 1).bytes().length);
  }

  @Test
  void blockStatusWithoutAContextIsInvalid() {
    assertEquals(EINVAL, peer.request(s -> s.request(CMD_BLOCK_STATUS, 0, 1, 0, 512)).error());
  }

  @Test
  void blockStatusAnswersEveryContextInOneReply() {
    if (mode == Mode.SIMPLE) {
      return;
    }
    server.serve("map", new StatusExport(SIZE));
    TestPeer map = server.connect().attach(mode, "map", "base:allocation", "x-test:odd");
    Reply reply = map.request(s -> s.request(CMD_BLOCK_STATUS, 0, 1, 1000, 3000));
    assertEquals(2, reply.statuses().size());
    assertEquals(
        List.of(new Extent(24, 0), new Extent(1024, 3), new Extent(1024, 0), new Extent(928, 3)),
        reply.extents(1));
    assertEquals(List.of(new Extent(3000, 7)), reply.extents(2));
  }

  @Test
  void blockStatusOfOneExtentEndsWithTheRange() {
    if (mode == Mode.SIMPLE) {
      return;
    }
    server.serve("map", new StatusExport(SIZE));
    TestPeer map = server.connect().attach(mode, "map", "base:allocation");
    Reply reply = map.request(s -> s.request(CMD_BLOCK_STATUS, CMD_FLAG_REQ_ONE, 1, 1024, 100));
    assertEquals(List.of(new Extent(100, 3)), reply.extents(1));
    reply = map.request(s -> s.request(CMD_BLOCK_STATUS, CMD_FLAG_REQ_ONE, 1, 1024, 5000));
    assertEquals(List.of(new Extent(1024, 3)), reply.extents(1));
  }

  @Test
  void aBlockStatusPayloadChoosesContexts() {
    if (mode != Mode.EXTENDED) {
      return;
    }
    server.serve("map", new StatusExport(SIZE));
    TestPeer map = server.connect().attach(mode, "map", "base:allocation", "x-test:odd");
    Reply reply = map.request(s -> status(s, 0, 1024, 2));
    assertEquals(List.of(new Extent(1024, 7)), reply.extents(2));
    assertEquals(1, reply.statuses().size());
    assertEquals(2, map.request(s -> status(s, 0, 1024, 2, 1)).statuses().size());
    assertEquals(EINVAL, map.request(s -> status(s, 0, 1024, 3)).error());
    assertEquals(EINVAL, map.request(s -> status(s, 0, 1024, 1, 1)).error());
    assertEquals(EINVAL, map.request(s -> status(s, 0, 1024)).error());
    assertEquals(EINVAL, map.request(s -> status(s, SIZE, 1, 1)).error());
    assertEquals(EINVAL, map.request(s -> status(s, 0, 0, 1)).error());
    for (int bad : new int[] {0, 1, 8, 11, 13, 4100, 5000}) {
      Reply r =
          map.request(
              s -> s.request(CMD_BLOCK_STATUS, CMD_FLAG_PAYLOAD_LEN, 1, 0, bad).raw(new byte[bad]));
      assertEquals(EINVAL, r.error(), "payload of " + bad);
    }
  }

  private static Script status(Script s, long offset, long length, int... contexts) {
    ByteBuffer b = ByteBuffer.allocate(8 + 4 * contexts.length).putLong(length);
    for (int c : contexts) {
      b.putInt(c);
    }
    return s.request(CMD_BLOCK_STATUS, CMD_FLAG_PAYLOAD_LEN, 1, offset, b.capacity())
        .raw(b.array());
  }

  @Test
  void manyRequestsAtOnceAreAllAnswered() {
    Script s = new Script().assumeExtended(mode == Mode.EXTENDED);
    ReplyReader none = peer.received();
    assertFalse(none.hasMore());
    for (int i = 0; i < 200; i++) {
      s.write(i, i * 100L, new byte[100]).read(1000 + i, i * 100L, 100);
    }
    peer.send(s.bytes());
    ReplyReader in = peer.received();
    for (int i = 0; i < 200; i++) {
      in.expectRead(1000 + i, i * 100L, 100);
    }
    List<Reply> replies = in.replies();
    assertEquals(400, replies.stream().map(Reply::cookie).distinct().count());
    assertTrue(replies.stream().allMatch(r -> r.error() == 0));
  }
}
