package dev.wherry.nbd.server;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.nbd.ExportInfo;
import dev.wherry.nbd.Extent;
import dev.wherry.nbd.server.ReferenceServer.Answer;
import dev.wherry.nbd.server.ReferenceServer.End;
import dev.wherry.nbd.server.ReferenceServer.Expected;
import dev.wherry.nbd.server.ReplyReader.OptionReply;
import dev.wherry.nbd.server.ReplyReader.Reply;
import io.netty.buffer.ByteBuf;
import io.netty.util.ResourceLeakDetector;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Clients of every kind of wrongness against the server's pipeline, compared with {@link
 * ReferenceServer}: everything that it would answer is answered, exactly once and alike, nothing
 * else is, the connection ends when it would and else goes on, the device holds the same bytes, and
 * nothing is left: no session, no byte of the budget, no buffer.
 *
 * <p>{@code -Dfuzz.cases=1000000} for a soak, {@code -Dfuzz.seed=N -Dfuzz.cases=1} for the case
 * that a failure named.
 */
@SuppressWarnings("EnumOrdinal") // seeds are only good for one build
class FuzzTest {
  private static final Logger log = LoggerFactory.getLogger(FuzzTest.class);
  private static final int DEFAULT_CASES = 20_000;
  private static final StatusExport STATUS = new StatusExport(FuzzScript.SIZE);
  private static final byte[] CONTENT = new byte[FuzzScript.SIZE];

  private ResourceLeakDetector.@Nullable Level level;

  static {
    new Random(7).nextBytes(CONTENT);
    Arrays.fill(CONTENT, 10_000, 70_000, (byte) 0);
  }

  /** Every buffer is still tracked, but not every access to it: that is most of the time. */
  @BeforeEach
  void trackWithoutRecords() {
    level = ResourceLeakDetector.getLevel();
    ResourceLeakDetector.setLevel(ResourceLeakDetector.Level.SIMPLE);
  }

  @AfterEach
  void trackAsBefore() {
    ResourceLeakDetector.setLevel(level);
  }

  @Test
  void theServerDoesWhatTheReferenceDoesWhateverTheClientSends() {
    long first = Long.getLong("fuzz.seed", 1);
    long cases = Long.getLong("fuzz.cases", DEFAULT_CASES);
    long begun = System.nanoTime();
    for (long seed = first; seed < first + cases; seed++) {
      try {
        run(seed);
      } catch (Throwable t) {
        throw new AssertionError("replay with -Dfuzz.cases=1 -Dfuzz.seed=" + seed, t);
      }
    }
    long millis = Math.max(1, TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begun));
    log.error("{} cases from seed {}, {} per second", cases, first, cases * 1000 / millis);
  }

  private static void run(long seed) {
    // Seeds that follow each other give streams that do not.
    Random random = new Random(seed * 0x9e3779b97f4a7c15L);
    byte[] stream = new FuzzScript(random).make();
    boolean readOnly = random.nextInt(10) == 0;
    boolean holds = random.nextBoolean();
    FuzzExport disk = new FuzzExport(FuzzScript.SIZE, readOnly, random.nextBoolean(), holds);
    System.arraycopy(CONTENT, 0, disk.bytes, 0, CONTENT.length);
    byte[] model = disk.bytes.clone();
    ReferenceServer reference = new ReferenceServer(stream, model, readOnly).run();
    boolean tight = random.nextInt(3) == 0;
    ServerLimits limits =
        tight
            ? new ServerLimits(
                4, 10_000, 1 + random.nextInt(4), 1 << 12, 1 << 13, 1 << 14, Integer.MAX_VALUE)
            : TestServer.LIMITS;
    Feed feed = random.nextBoolean() ? Feed.WHOLE : Feed.RANDOMLY;
    if (random.nextInt(40) == 0) {
      feed = Feed.BYTE_BY_BYTE;
    }
    try (TestServer server = new TestServer(limits).feed(feed).serve("disk", disk)) {
      TestPeer peer = server.connect(TlsMode.OFF, seed);
      // In negotiation the server does not wait for who does not read.
      if (random.nextInt(4) == 0 && reference.transmits) {
        peer.reads(false);
      }
      peer.send(stream);
      for (int i = 0; disk.waiting() > 0 || i < 2; i++) {
        peer.onLoop(() -> disk.completeSome(random));
        peer.reads(true);
        peer.pump();
      }
      assertEquals(0, peer.open() ? peer.unread() : 0, "bytes that the server does not read");
      compare(reference, peer);
      if (!holds || reference.end == End.WAITS || !peer.open()) {
        assertArrayEquals(model, disk.bytes, "content of the device");
      }
      assertEquals(reference.end == End.WAITS, peer.open(), "open");
    }
  }

  private static void compare(ReferenceServer reference, TestPeer peer) {
    ReplyReader in = peer.received();
    in.greeting();
    for (Answer a : reference.answers) {
      for (int type : a.types()) {
        OptionReply r = in.option();
        assertEquals(a.option(), r.option(), "option");
        assertEquals(type, r.type(), () -> "reply to option " + a + " " + r.text());
      }
    }
    if (reference.exportNameBytes >= 0) {
      in.take(reference.exportNameBytes);
    }
    Map<Long, List<Expected>> expected = new HashMap<>();
    boolean twice = false;
    for (Expected e : reference.replies) {
      List<Expected> same = expected.computeIfAbsent(e.cookie(), c -> new ArrayList<>());
      same.add(e);
      twice |= same.size() > 1;
      byte[] data = e.data();
      if (data != null) {
        in.expectRead(e.cookie(), e.offset(), data.length);
      }
    }
    if (twice) {
      // A spoilt cookie: which reply belongs to which request cannot be told.
      return;
    }
    for (Reply r : in.replies()) {
      List<Expected> one = expected.remove(r.cookie());
      assertTrue(one != null, () -> "a reply to no request, or the second to one: " + r.cookie());
      Expected e = one.get(0);
      assertEquals(e.error(), r.error(), () -> "error of " + e + ": " + r.text());
      byte[] data = e.data();
      if (data != null) {
        assertArrayEquals(data, r.bytes(), () -> "data of " + e);
      }
    }
    assertTrue(expected.isEmpty(), () -> "requests without an answer: " + expected);
  }

  /** Does requests at once or keeps their completion back, but never their effect. */
  private static final class FuzzExport extends MemoryExport {
    private final boolean holds;
    private final boolean attempts;
    private final List<Runnable> held = new ArrayList<>();

    FuzzExport(int size, boolean readOnly, boolean attempts, boolean holds) {
      super(
          ExportInfo.of(size)
              .withReadOnly(readOnly)
              .withDescription("fuzz")
              .withContexts(List.of(Extent.BASE_ALLOCATION, StatusExport.ODD)),
          attempts);
      this.attempts = attempts;
      this.holds = holds;
    }

    int waiting() {
      return held.size();
    }

    void completeSome(Random random) {
      for (int n = held.size(); n > 0; n--) {
        held.remove(random.nextInt(held.size())).run();
      }
    }

    private <T> CompletableFuture<T> later(CompletableFuture<T> now) {
      if (!holds) {
        return now;
      }
      CompletableFuture<T> future = new CompletableFuture<>();
      held.add(() -> future.complete(now.join()));
      return future;
    }

    @Override
    public CompletableFuture<ByteBuf> read(long offset, int length) {
      return later(super.read(offset, length));
    }

    @Override
    public CompletableFuture<Void> write(long offset, ByteBuf data, int flags) {
      return later(super.write(offset, data, flags));
    }

    @Override
    public boolean tryWrite(long offset, ByteBuf data) {
      if (attempts) {
        super.write(offset, data, 0);
      }
      return attempts;
    }

    @Override
    public CompletableFuture<Void> flush() {
      return later(super.flush());
    }

    @Override
    public CompletableFuture<Void> zero(long offset, long length, int flags) {
      return later(super.zero(offset, length, flags));
    }

    @Override
    public CompletableFuture<Void> trim(long offset, long length, int flags) {
      return later(super.zero(offset, length, flags));
    }

    @Override
    public CompletableFuture<Void> cache(long offset, long length) {
      return later(super.cache(offset, length));
    }

    @Override
    public CompletableFuture<List<Extent>> status(
        String context, long offset, long length, int maxExtents) {
      return later(STATUS.status(context, offset, length, maxExtents));
    }
  }
}
