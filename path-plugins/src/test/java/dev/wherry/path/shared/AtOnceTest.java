package dev.wherry.path.shared;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.path.Answers;
import dev.wherry.path.TestPolicies;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Writes that go to the source at once, where that has not got all of the blocks. */
class AtOnceTest {
  private static final int BLOCK = 1 << 20;
  private static final int SIZE = 4 * BLOCK;

  /** Bytes of a request of a link at most. */
  private static final int LARGEST = 1 << 20;

  private static final byte[] CONTENT = Bytes.of(1, SIZE);

  private final Disk disk = new Disk(SIZE);
  private final Partial sink = new Partial();
  private final AtOnce source =
      new AtOnce(
          new LayeredStore(
              disk,
              SIZE,
              BLOCK,
              null,
              new Policies(TestPolicies.SHIPPED, "pull", List.of(), BLOCK)),
          sink,
          () -> 1);

  AtOnceTest() {
    disk.put(0, CONTENT);
  }

  @AfterEach
  void end() {
    disk.free();
  }

  /** Takes whole blocks alone, unless it is told otherwise, and keeps what it took. */
  private static final class Partial implements Sink {
    final Map<Long, byte[]> taken = new TreeMap<>();
    boolean takesParts;

    @Override
    public CompletableFuture<Void> write(long batch, long offset, ByteBuf data) {
      assertTrue(data.readableBytes() <= LARGEST, "a piece of " + data.readableBytes());
      if (!takesParts && (offset % BLOCK != 0 || data.readableBytes() % BLOCK != 0)) {
        return CompletableFuture.failedFuture(new WholeBlocks("whole blocks are needed"));
      }
      taken.put(offset, ByteBufUtil.getBytes(data));
      return Answers.done();
    }

    @Override
    public CompletableFuture<Long> begin() {
      throw new UnsupportedOperationException();
    }

    @Override
    public CompletableFuture<Void> put(long batch, long offset, ByteBuf data) {
      throw new UnsupportedOperationException();
    }

    @Override
    public CompletableFuture<Void> putZero(long batch, long offset, long length) {
      throw new UnsupportedOperationException();
    }

    @Override
    public CompletableFuture<Void> commit(long batch, long pieces) {
      throw new UnsupportedOperationException();
    }

    @Override
    public CompletableFuture<Void> zero(long batch, long offset, long length) {
      throw new UnsupportedOperationException();
    }

    @Override
    public CompletableFuture<Void> flush(long batch) {
      throw new UnsupportedOperationException();
    }
  }

  private void expectWhole(long... offsets) {
    assertEquals(offsets.length, sink.taken.size());
    for (long offset : offsets) {
      assertArrayEquals(Bytes.part(CONTENT, (int) offset, BLOCK), sink.taken.get(offset));
    }
  }

  @Test
  void aWriteThatNeedsWholeBlocksIsSentInPiecesThatALinkTakes() {
    byte[] written = Bytes.part(CONTENT, BLOCK / 2, BLOCK);
    source.write(BLOCK / 2, Bytes.lend(written), Answers.done(), false).join();
    expectWhole(0, BLOCK);
  }

  @Test
  void aLongWriteIsSentInPiecesThatALinkTakes() {
    byte[] written = Bytes.part(CONTENT, BLOCK, 2 * BLOCK);
    source.write(BLOCK, Bytes.lend(written), Answers.done(), false).join();
    expectWhole(BLOCK, 2 * BLOCK);
  }

  @Test
  void whatTheOwnerMadeUpAroundAWriteIsSentAsWell() {
    sink.takesParts = true;
    byte[] written = Bytes.part(CONTENT, 2 * BLOCK, 512);
    source.write(2 * BLOCK, Bytes.lend(written), Answers.done(), true).join();
    expectWhole(2 * BLOCK);
  }

  @Test
  void wholeBlocksAreReadOnceTheOwnStoreHasThem() {
    CompletableFuture<Void> own = new CompletableFuture<>();
    CompletableFuture<Void> sent = source.write(512, Bytes.lend(new byte[512]), own, false);
    expectWhole();
    own.complete(null);
    sent.join();
    expectWhole(0);
  }
}
