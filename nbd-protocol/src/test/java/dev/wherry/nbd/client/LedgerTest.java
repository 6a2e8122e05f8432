package dev.wherry.nbd.client;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.nbd.Wire;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is kept of changes that were answered and not flushed. */
final class LedgerTest {
  private final Ledger ledger = new Ledger();

  private static Command write(long offset, int flags, int... bytes) {
    ByteBuf data = Unpooled.buffer(bytes.length);
    for (int b : bytes) {
      data.writeByte(b);
    }
    return Command.write(Command.Role.CALLER, flags, offset, data);
  }

  private List<String> replay() {
    List<String> all = new ArrayList<>();
    for (Command c : ledger.replay(1000)) {
      ByteBuf data = c.payload();
      StringBuilder text = new StringBuilder(c.toString());
      for (int i = 0; data != null && i < data.readableBytes(); i++) {
        text.append(' ').append(data.getByte(data.readerIndex() + i));
      }
      all.add(text.toString());
      c.releasePayload();
    }
    return all;
  }

  @Test
  void theNewestOfEachByteIsReplayed() {
    ledger.append(write(0, 0, 1, 1, 1, 1));
    ledger.append(write(2, 0, 2, 2, 2, 2));
    ledger.append(write(1, 0, 3));
    assertEquals(
        List.of(
            "WRITE of 1 bytes at 1 3", "WRITE of 4 bytes at 2 2 2 2 2", "WRITE of 1 bytes at 0 1"),
        replay());
  }

  @Test
  void whatIsDurableIsNotOverwrittenByWhatIsOlder() {
    ledger.append(write(0, 0, 1, 1, 1, 1));
    ledger.append(write(1, Wire.CMD_FLAG_FUA, 2, 2));
    assertEquals(List.of("WRITE of 1 bytes at 0 1", "WRITE of 1 bytes at 3 1"), replay());
  }

  @Test
  void aDurableChangeAloneIsNotKept() {
    Command c = write(0, Wire.CMD_FLAG_FUA, 1);
    ByteBuf data = c.payload();
    ledger.append(c);
    assertTrue(ledger.isEmpty());
    assertEquals(0, data.refCnt());
  }

  @Test
  void aFlushCoversOnlyWhatWasAnsweredBeforeItWasSent() {
    ledger.append(write(0, 0, 1));
    long covers = ledger.appended();
    ledger.append(write(0, 0, 2));
    ledger.flushed(covers);
    assertEquals(List.of("WRITE of 1 bytes at 0 2"), replay());
    ledger.flushed(ledger.appended());
    assertEquals(0, ledger.bytes());
  }

  @Test
  void longZeroesAreReplayedInSteps() {
    ledger.append(Command.of(Wire.CMD_WRITE_ZEROES, Wire.CMD_FLAG_NO_HOLE, 0, 2500));
    assertEquals(
        List.of(
            "WRITE_ZEROES of 1000 bytes at 0",
            "WRITE_ZEROES of 1000 bytes at 1000",
            "WRITE_ZEROES of 500 bytes at 2000"),
        replay());
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 5, 6, 7, 8})
  void aReplayMakesTheSameAsAllChangesInOrder(int seed) {
    Random random = new Random(seed);
    byte[] expected = new byte[200];
    byte[] server = new byte[200];
    for (int i = 1; i < 100; i++) {
      int offset = random.nextInt(190);
      int length = 1 + random.nextInt(10);
      boolean fua = random.nextInt(5) == 0;
      int[] bytes = new int[length];
      Arrays.fill(bytes, i);
      Arrays.fill(expected, offset, offset + length, (byte) i);
      ledger.append(write(offset, fua ? Wire.CMD_FLAG_FUA : 0, bytes));
      if (fua) {
        Arrays.fill(server, offset, offset + length, (byte) i);
      }
    }
    boolean[] touched = new boolean[200];
    for (Command c : ledger.replay(1000)) {
      for (int i = 0; i < c.length; i++) {
        int at = (int) c.offset + i;
        assertTrue(!touched[at], "byte " + at + " twice");
        touched[at] = true;
      }
      c.payload().getBytes(c.payload().readerIndex(), server, (int) c.offset, (int) c.length);
      c.releasePayload();
    }
    assertArrayEquals(expected, server);
  }
}
