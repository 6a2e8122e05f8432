package dev.wherry.nbd.server;

import static dev.wherry.nbd.Wire.*;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.nbd.ExportInfo;
import dev.wherry.nbd.Extent;
import dev.wherry.nbd.FileSlice;
import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import dev.wherry.nbd.server.ReplyReader.Reply;
import dev.wherry.nbd.server.TestPeer.Mode;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.function.UnaryOperator;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Requests in flight: their order, their limits, their failures, and the ends of connections. */
class FlowTest {
  private static final int SIZE = 16 << 20;
  private static final int SMALL = 1 << 20;
  private static final int EIO = NbdError.EIO.code();

  private TestServer server = new TestServer();
  private final HeldExport held = new HeldExport(SIZE);

  @AfterEach
  void nothingIsLeft() {
    held.completeAll();
    server.close();
  }

  private TestPeer attach(Mode mode) {
    return server.serve("held", held).connect().attach(mode, "held");
  }

  private TestPeer attach(ServerLimits limits) {
    server = new TestServer(limits);
    return attach(Mode.STRUCTURED);
  }

  private static ServerLimits limits(int requests, int connection, int export, int total) {
    return new ServerLimits(1024, 10_000, requests, connection, export, total, Integer.MAX_VALUE);
  }

  @Test
  void repliesGoOutInTheOrderOfCompletion() {
    TestPeer peer = attach(Mode.EXTENDED);
    peer.send(s -> s.request(CMD_FLUSH, 0, 1, 0, 0).write(2, 0, (byte) 1).read(3, 0, 1));
    peer.send(s -> s.request(CMD_CACHE, 0, 4, 0, 1));
    for (int i : new int[] {3, 1, 1, 0}) {
      held.complete(i);
    }
    List<Reply> replies = peer.received().expectRead(3, 0, 1).replies();
    assertEquals(List.of(4L, 2L, 3L, 1L), replies.stream().map(Reply::cookie).toList());
  }

  @Test
  void aSlowRequestHoldsUpNoOther() {
    TestPeer peer = attach(Mode.SIMPLE);
    server.serve("disk", new MemoryExport(SIZE));
    peer.send(s -> s.request(CMD_WRITE_ZEROES, 0, 1, 0, SIZE));
    assertEquals(4, server.connect().attach(Mode.SIMPLE, "disk").read(1, 0, 4).bytes().length);
    peer.send(s -> s.read(2, 0, 4));
    held.complete(1);
    assertEquals(2, TestPeer.only(peer.received().expectRead(2, 0, 4)).cookie());
  }

  @Test
  void writesInFlightKeepTheirPayloadUntilTheyComplete() {
    TestPeer peer = attach(Mode.SIMPLE);
    byte[] data = new byte[100_000];
    new Random(3).nextBytes(data);
    peer.send(s -> s.write(1, 0, data));
    peer.send(s -> s.write(2, 200_000, new byte[] {1, 2, 3}).write(3, 300_000, data));
    assertEquals(3, held.waiting());
    held.completeAll();
    assertEquals(3, peer.replies().size());
    assertArrayEquals(data, java.util.Arrays.copyOf(held.bytes, data.length));
    assertEquals(2, held.bytes[200_001]);
    assertEquals(data[5], held.bytes[300_005]);
  }

  @Test
  void moreRequestsThanTheLimitWaitUnread() {
    TestPeer peer = attach(limits(4, 64 << 20, 128 << 20, 192 << 20));
    Script s = new Script();
    for (int i = 0; i < 10; i++) {
      s.request(CMD_FLUSH, 0, i, 0, 0);
    }
    peer.send(s.bytes());
    assertEquals(4, held.waiting());
    assertFalse(peer.channel().config().isAutoRead());
    held.complete(0);
    peer.pump();
    assertEquals(4, held.waiting());
    held.completeAll();
    peer.pump();
    held.completeAll();
    peer.pump();
    held.completeAll();
    assertEquals(10, peer.replies().size());
    assertTrue(peer.channel().config().isAutoRead());
  }

  @Test
  void writesThatArriveWholeAreLimitedInBytesAsWell() {
    TestPeer peer = attach(limits(256, 1 << 20, 128 << 20, 192 << 20));
    for (int i = 0; i < 40; i++) {
      int cookie = i;
      peer.send(s -> s.write(cookie, 0, new byte[128 << 10]));
    }
    assertTrue(held.waiting() <= 8, held.waiting() + " writes of 128 KiB in 1 MiB");
    assertTrue(peer.unread() > 0);
    for (int i = 0; i < 40; i++) {
      held.completeAll();
      peer.pump();
    }
    assertEquals(40, peer.replies().size());
  }

  @Test
  void aPayloadLargerThanTheConnectionsLimitStillFits() {
    TestPeer peer = attach(limits(256, 64 << 10, 128 << 20, 192 << 20));
    byte[] data = new byte[1 << 20];
    for (int i = 0; i < 3; i++) {
      int cookie = i;
      server.feed(Feed.RANDOMLY);
      peer.send(s -> s.request(CMD_WRITE, 0, cookie, 0, data.length));
      for (int at = 0; at < data.length; at += 64 << 10) {
        peer.send(new byte[64 << 10]);
      }
      peer.send(s -> s.read(1000 + cookie, 0, 1 << 20));
    }
    for (int i = 0; i < 10; i++) {
      held.completeAll();
      peer.pump();
    }
    ReplyReader in = peer.received();
    for (int i = 0; i < 3; i++) {
      in.expectRead(1000 + i, 0, 1 << 20);
    }
    assertEquals(6, in.replies().size());
  }

  @Test
  void aReadLargerThanTheWholeBudgetIsDoneAlone() {
    TestPeer peer = attach(limits(256, 64 << 20, 64 << 10, 128 << 10));
    peer.send(s -> s.read(1, 0, 4096).read(2, 0, 1 << 20).read(3, 0, 4096));
    assertEquals(1, held.waiting());
    for (int i = 0; i < 4; i++) {
      held.completeAll();
      peer.pump();
    }
    ReplyReader in = peer.received();
    in.expectRead(1, 0, 4096).expectRead(2, 0, 1 << 20).expectRead(3, 0, 4096);
    assertEquals(3, in.replies().size());
  }

  @Test
  void aLargeRequestIsNotPassedForEverBySmallOnes() {
    TestPeer small = attach(limits(256, 64 << 20, 128 << 20, 1 << 20));
    TestPeer large = server.connect().attach(Mode.STRUCTURED, "held");
    small.send(s -> s.read(0, 0, 256 << 10));
    large.send(s -> s.read(9, 0, 1 << 20));
    assertEquals(1, held.waiting());
    for (int i = 1; i <= 8 && held.waiting() > 0; i++) {
      int cookie = i;
      small.send(s -> s.read(cookie, 0, 256 << 10));
      held.complete(0);
      small.pump();
      large.pump();
    }
    for (int i = 0; i < 20; i++) {
      held.completeAll();
      large.pump();
      small.pump();
    }
    assertEquals(9, TestPeer.only(large.received().expectRead(9, 0, 1 << 20)).cookie());
  }

  @Test
  void aPeerThatReadsNothingIsNotReadFrom() {
    server.serve("disk", new MemoryExport(SIZE));
    TestPeer peer = server.connect().attach(Mode.SIMPLE, "disk");
    new Random(1).nextBytes(((MemoryExport) server.directory.exports.get("disk")).bytes);
    peer.reads(false);
    for (int i = 0; i < 100; i++) {
      int cookie = i;
      peer.send(s -> s.read(cookie, 0, 1 << 20));
    }
    assertTrue(peer.unread() > 0, "all requests were read");
    assertTrue(server.core.budget().used() < 8 << 20, "budget used " + server.core.budget().used());
    peer.reads(true);
    ReplyReader in = peer.received();
    for (int i = 0; i < 100; i++) {
      in.expectRead(i, 0, 1 << 20);
    }
    assertEquals(100, in.replies().size());
    assertEquals(0, server.core.budget().used());
  }

  @Test
  void aPeerThatReadsNothingIsNotReadFromWhenItsRepliesAreErrors() {
    TestPeer peer = attach(Mode.STRUCTURED);
    peer.reads(false);
    int sent = 0;
    for (; sent < 200_000 && peer.unread() == 0; sent += 100) {
      Script s = new Script();
      for (int i = 0; i < 100; i++) {
        s.read(i, SIZE, 1);
      }
      peer.send(s.bytes());
    }
    assertTrue(peer.unread() > 0, "errors without end are queued");
    peer.reads(true);
    assertEquals(sent, peer.replies().size());
  }

  @Test
  void creditOfASparseReadThatEndsInDataIsGivenBack() {
    MemoryExport disk = new MemoryExport(SIZE);
    disk.bytes[SIZE - 1] = 1;
    TestPeer peer = server.serve("disk", disk).connect().attach(Mode.STRUCTURED, "disk");
    assertEquals(1 << 20, peer.read(1, SIZE - (1 << 20), 1 << 20).bytes().length);
    assertEquals(0, server.core.budget().used());
  }

  @Test
  void disconnectFinishesWhatIsInFlight() {
    TestPeer peer = attach(Mode.SIMPLE);
    peer.send(s -> s.write(1, 0, new byte[5]).read(2, 0, 5).disc());
    assertTrue(peer.open());
    assertEquals(1, server.directory.open.get());
    held.completeAll();
    assertEquals(2, peer.received().expectRead(2, 0, 5).replies().size());
    assertFalse(peer.open());
    assertEquals(0, server.directory.open.get());
  }

  @Test
  void aBadMagicFinishesWhatIsInFlight() {
    TestPeer peer = attach(Mode.SIMPLE);
    peer.send(s -> s.write(1, 0, new byte[5]).raw(new byte[28]));
    assertTrue(peer.open());
    held.completeAll();
    assertEquals(1, peer.replies().size());
    assertFalse(peer.open());
  }

  @Test
  void shutdownFinishesWhatIsInFlight() {
    TestPeer peer = attach(Mode.EXTENDED);
    peer.send(s -> s.write(1, 0, new byte[5]).read(2, 0, 5));
    server.directory.connections.get(0).shutdown();
    peer.send(s -> s.read(3, 0, 5));
    assertEquals(2, held.waiting());
    held.completeAll();
    assertEquals(2, peer.received().expectRead(2, 0, 5).replies().size());
    assertFalse(peer.open());
  }

  @Test
  void shutdownFinishesWhatWasReadAndHadNoRoomYet() {
    TestPeer peer = attach(limits(2, 64 << 20, 128 << 20, 192 << 20));
    Script s = new Script();
    for (int i = 0; i < 6; i++) {
      s.request(CMD_FLUSH, 0, i, 0, 0);
    }
    peer.send(s.bytes());
    server.directory.connections.get(0).shutdown();
    for (int i = 0; i < 3; i++) {
      held.completeAll();
      peer.pump();
    }
    assertEquals(6, peer.replies().size());
    assertFalse(peer.open());
  }

  @Test
  void shutdownDoesNotWaitForTheRestOfAPayload() {
    TestPeer peer = attach(Mode.SIMPLE);
    peer.send(s -> s.request(CMD_WRITE, 0, 1, 0, 1000).raw(new byte[500]));
    server.directory.connections.get(0).shutdown();
    peer.pump();
    assertFalse(peer.open());
  }

  @Test
  void anIdleConnectionShutsDownAtOnce() {
    TestPeer peer = attach(Mode.SIMPLE);
    server.directory.connections.get(0).shutdown();
    peer.pump();
    assertFalse(peer.open());
    assertEquals(0, server.directory.open.get());
  }

  @Test
  void aResetKeepsTheSessionUntilTheLastRequestHasCompleted() {
    TestPeer peer = attach(Mode.STRUCTURED);
    peer.send(
        s ->
            s.write(1, 0, new byte[70_000])
                .read(2, 0, 100_000)
                .request(CMD_FLUSH, 0, 3, 0, 0)
                .request(CMD_WRITE, 0, 4, 0, 1000)
                .raw(new byte[400]));
    peer.close();
    assertEquals(1, server.directory.open.get());
    held.complete(1);
    held.complete(0);
    assertEquals(1, server.directory.open.get());
    held.complete(0);
    peer.pump();
    assertEquals(0, server.directory.open.get());
    assertEquals(0, server.core.budget().used());
  }

  @Test
  void aResetWhileRepliesWaitGivesTheirMemoryBack() {
    server.serve("disk", new MemoryExport(SIZE));
    TestPeer peer = server.connect().attach(Mode.SIMPLE, "disk");
    peer.reads(false);
    peer.send(s -> s.read(1, 0, 1 << 20).read(2, 0, 4096).read(3, 0, 1 << 20));
    assertTrue(server.core.budget().used() > 0);
    peer.close();
    assertEquals(0, server.core.budget().used());
    assertEquals(0, server.directory.open.get());
  }

  @Test
  void aConnectionThatClosesWhileItWaitsForMemoryLeavesItsTurnToOthers() {
    TestPeer first = attach(limits(256, 64 << 20, 128 << 20, 1 << 20));
    TestPeer second = server.connect().attach(Mode.SIMPLE, "held");
    TestPeer third = server.connect().attach(Mode.SIMPLE, "held");
    first.send(s -> s.read(1, 0, 1 << 20));
    second.send(s -> s.read(2, 0, 1 << 20));
    third.send(s -> s.read(3, 0, 1 << 20));
    assertEquals(1, held.waiting());
    second.close();
    held.completeAll();
    first.pump();
    third.pump();
    assertEquals(1, held.waiting());
    held.completeAll();
    assertEquals(3, TestPeer.only(third.received().expectRead(3, 0, 1 << 20)).cookie());
  }

  @Test
  void halfSentPayloadsThatFillTheBudgetAreFinishedOneByOne() {
    TestPeer first = attach(limits(256, 64 << 20, 128 << 20, 256 << 10));
    TestPeer second = server.connect().attach(Mode.STRUCTURED, "held");
    TestPeer reader = server.connect().attach(Mode.STRUCTURED, "held");
    int length = 256 << 10;
    first.send(s -> s.request(CMD_WRITE, 0, 1, 0, length).raw(new byte[length / 2]));
    second.send(s -> s.request(CMD_WRITE, 0, 2, 0, length).raw(new byte[length / 2]));
    reader.send(s -> s.read(3, 0, 64 << 10));
    first.send(new byte[length / 4]);
    second.send(new byte[length / 4]);
    first.send(new byte[length / 4]);
    second.send(new byte[length / 4]);
    for (int i = 0; i < 4; i++) {
      held.completeAll();
      first.pump();
      second.pump();
      reader.pump();
    }
    assertEquals(1, first.replies().size());
    assertEquals(1, second.replies().size());
    assertEquals(1, reader.received().expectRead(3, 0, 64 << 10).replies().size());
  }

  @Test
  void requestsBehindGoThatHaveNoRoomStopTheReading() {
    server = new TestServer(limits(2, 64 << 20, 128 << 20, 192 << 20)).serve("held", held);
    TestPeer peer = server.connect().greet();
    peer.send(
        s -> {
          s.go("held");
          for (int i = 0; i < 5; i++) {
            s.request(CMD_FLUSH, 0, i, 0, 0);
          }
          return s;
        });
    assertEquals(2, held.waiting());
    assertFalse(peer.channel().config().isAutoRead());
  }

  // Exports that misbehave.

  private Reply withBroken(MemoryExport broken, Mode mode, UnaryOperator<Script> request) {
    TestPeer peer = server.serve("broken", broken).connect().attach(mode, "broken", contexts(mode));
    peer.send(request);
    Reply reply = TestPeer.only(peer.received());
    assertEquals(0, peer.request(s -> s.request(CMD_CACHE, 0, 1, 0, 1)).error());
    return reply;
  }

  private static String[] contexts(Mode mode) {
    return mode == Mode.SIMPLE ? new String[0] : new String[] {Extent.BASE_ALLOCATION};
  }

  @Test
  void anExportThatThrowsIsAnInputOutputError() {
    List<UnaryOperator<Script>> requests = new ArrayList<>();
    requests.add(s -> s.read(1, 0, 100));
    requests.add(s -> s.read(1, 0, 100_000));
    requests.add(s -> s.write(1, 0, new byte[100]));
    requests.add(s -> s.request(CMD_FLUSH, 0, 1, 0, 0));
    requests.add(s -> s.request(CMD_TRIM, 0, 1, 0, 9));
    requests.add(s -> s.request(CMD_WRITE_ZEROES, 0, 1, 0, 9));
    requests.add(s -> s.request(CMD_BLOCK_STATUS, 0, 1, 0, 9));
    for (Mode mode : new Mode[] {Mode.STRUCTURED, Mode.EXTENDED}) {
      for (UnaryOperator<Script> r : requests) {
        assertEquals(
            EIO, withBroken(new Throwing(new IllegalStateException("broken")), mode, r).error());
        assertEquals(EIO, withBroken(new Throwing(new NoSuchMethodError("old")), mode, r).error());
        NbdException full = new NbdException(NbdError.ENOSPC, "full");
        assertEquals(28, withBroken(new Throwing(full), mode, r).error());
        assertEquals(EIO, withBroken(new Throwing(null), mode, r).error());
      }
    }
  }

  /** Throws, or fails, or has no answer at all; the attempts throw as well. */
  private static final class Throwing extends MemoryExport {
    private final Throwable failure;

    Throwing(Throwable failure) {
      super(SMALL);
      this.failure = failure;
    }

    @SuppressWarnings("NullAway")
    private <T> CompletableFuture<T> fail() {
      if (failure instanceof RuntimeException e && !(e instanceof NbdException)) {
        throw e;
      } else if (failure instanceof Error e) {
        throw e;
      }
      return failure == null ? null : CompletableFuture.failedFuture(failure);
    }

    @Override
    public CompletableFuture<ByteBuf> read(long offset, int length) {
      return fail();
    }

    @Override
    public CompletableFuture<Void> write(long offset, ByteBuf data, int flags) {
      return fail();
    }

    @Override
    public CompletableFuture<Void> flush() {
      return fail();
    }

    @Override
    public CompletableFuture<Void> trim(long offset, long length, int flags) {
      return fail();
    }

    @Override
    public CompletableFuture<Void> zero(long offset, long length, int flags) {
      return fail();
    }

    @Override
    public CompletableFuture<List<Extent>> status(String c, long offset, long length, int most) {
      return fail();
    }

    @Override
    public boolean tryRead(long offset, int length, ByteBuf into) {
      into.writeZero(length / 2);
      throw new IllegalStateException("broken");
    }

    @Override
    public boolean tryWrite(long offset, ByteBuf data) {
      throw new IllegalStateException("broken");
    }

    @Override
    public FileSlice trySend(long offset, int length) {
      throw new IllegalStateException("broken");
    }
  }

  @Test
  void anExportThatReadsTheWrongLengthIsAnInputOutputError() {
    for (int wrong : new int[] {-1, 1}) {
      for (boolean attempts : new boolean[] {true, false}) {
        for (int length : new int[] {100, 40_000}) {
          MemoryExport liar =
              new MemoryExport(ExportInfo.of(SMALL), attempts) {
                @Override
                public CompletableFuture<ByteBuf> read(long offset, int n) {
                  return CompletableFuture.completedFuture(Unpooled.buffer().writeZero(n + wrong));
                }

                @Override
                public boolean tryRead(long offset, int n, ByteBuf into) {
                  into.ensureWritable(n + wrong).writeZero(n + wrong);
                  return attempts;
                }
              };
          if (length < 40_000 || !attempts || wrong < 0) {
            assertEquals(EIO, withBroken(liar, Mode.EXTENDED, s -> s.read(1, 0, length)).error());
          }
        }
      }
    }
  }

  @Test
  void anExportThatGivesNonsenseForAStatusIsAnInputOutputError() {
    List<List<Extent>> answers = new ArrayList<>();
    answers.add(List.of());
    answers.add(List.of(new Extent(512, 0), new Extent(1, 0)));
    answers.add(List.of(new Extent(Long.MAX_VALUE, 0), new Extent(Long.MAX_VALUE, 0)));
    for (List<Extent> answer : answers) {
      MemoryExport liar =
          new MemoryExport(SMALL) {
            @Override
            public CompletableFuture<List<Extent>> status(String c, long o, long n, int most) {
              return CompletableFuture.completedFuture(answer);
            }
          };
      UnaryOperator<Script> ask = s -> s.request(CMD_BLOCK_STATUS, 0, 1, 0, 512);
      assertEquals(EIO, withBroken(liar, Mode.STRUCTURED, ask).error());
    }
  }

  @Test
  void requestsMayCompleteOnAnotherThread() throws Exception {
    TestPeer peer = attach(Mode.STRUCTURED);
    peer.send(s -> s.write(1, 0, new byte[3000]).read(2, 0, 3000).request(CMD_FLUSH, 0, 3, 0, 0));
    Thread other = new Thread(held::completeAll);
    other.start();
    other.join(60_000);
    List<Reply> replies = new ArrayList<>();
    Awaitility.await()
        .until(
            () -> {
              replies.addAll(peer.received().expectRead(2, 0, 3000).replies());
              return replies.size() == 3;
            });
    assertTrue(replies.stream().allMatch(r -> r.error() == 0));
  }
}
