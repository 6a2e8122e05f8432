package dev.wherry.path.shared;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

/** Which flushes fail, by the counts of losses that answers come with. */
class UnflushedTest {
  private final Unflushed unflushed = new Unflushed();

  private boolean flush(long count) {
    Unflushed.Mark mark = unflushed.begin();
    unflushed.seen(count);
    return unflushed.flushed(mark);
  }

  @Test
  void aFlushUnderTheSameCountIsFine() {
    unflushed.answered(3);
    assertTrue(flush(3));
    assertTrue(unflushed.isEmpty());
  }

  @Test
  void aFlushUnderALaterCountFailsOnce() {
    unflushed.answered(3);
    assertFalse(flush(4));
    assertTrue(flush(4));
    assertEquals(4, unflushed.failedAt());
  }

  @Test
  void whatWasFlushedBeforeIsNotLost() {
    unflushed.answered(3);
    assertTrue(flush(3));
    unflushed.seen(4);
    assertTrue(flush(4));
    assertEquals(0, unflushed.failedAt());
  }

  @Test
  void changesOfBothCountsMakeTheNextFlushFailAndNoLaterOne() {
    unflushed.answered(3);
    unflushed.answered(4);
    assertFalse(flush(4));
    assertTrue(flush(4));
  }

  @Test
  void aFlushDoesNotCoverWhatIsAnsweredWhileItIsUnderWay() {
    unflushed.answered(3);
    Unflushed.Mark mark = unflushed.begin();
    unflushed.answered(3);
    assertTrue(unflushed.flushed(mark));
    assertFalse(unflushed.isEmpty());
    assertFalse(flush(4));
  }

  @Test
  void aLossOfWhatWasAnsweredDuringAFlushIsToldByTheNextOneAlso() {
    unflushed.answered(3);
    Unflushed.Mark mark = unflushed.begin();
    unflushed.answered(3);
    unflushed.seen(4);
    assertFalse(unflushed.flushed(mark));
    assertFalse(flush(4));
    assertTrue(flush(4));
  }

  @Test
  void everyFlushFailsThatBeganBeforeALossWasTold() {
    unflushed.answered(3);
    unflushed.seen(4);
    Unflushed.Mark one = unflushed.begin();
    Unflushed.Mark other = unflushed.begin();
    assertFalse(unflushed.flushed(one));
    Unflushed.Mark later = unflushed.begin();
    assertFalse(unflushed.flushed(other));
    assertTrue(unflushed.flushed(later));
  }

  @Test
  void aFlushThatALossOvertakesFailsForWhatOtherNodesHostsWrote() {
    unflushed.seen(3);
    assertFalse(flush(4));
    assertTrue(flush(4));
  }

  @Test
  void anAnswerThatALaterCountHasOvertakenIsLost() {
    unflushed.seen(4);
    unflushed.answered(3);
    assertFalse(flush(4));
  }

  /** As {@link #flush(long)}, of the owner's own host. */
  private boolean flushOwn() {
    Unflushed.Mark mark = unflushed.begin();
    unflushed.ended(mark, true);
    return unflushed.flushed(mark);
  }

  @Test
  void aLossThatIsCountedWhileTheOwnersHostWritesIsToldAfterThat() {
    long begun = unflushed.writing();
    assertTrue(flushOwn());
    assertFalse(unflushed.losing(0), "nothing was answered that is not flushed");
    unflushed.seen(1);
    assertFalse(unflushed.wrote(begun));
    assertTrue(unflushed.owes());
    assertFalse(flushOwn());
    assertTrue(flushOwn());
  }

  /** The flush of somebody else has told of the loss before this host was answered. */
  @Test
  void alsoWhereSomebodyElseWasToldBefore() {
    long begun = unflushed.writing();
    assertTrue(unflushed.losing(0));
    unflushed.seen(1);
    assertFalse(flushOwn());
    assertFalse(unflushed.wrote(begun));
    assertFalse(flushOwn());
    assertTrue(flushOwn());
  }

  @Test
  void aWriteThatEndsBeforeTheLossIsPartOfItUnlessItIsFlushed() {
    assertTrue(unflushed.wrote(unflushed.writing()));
    assertTrue(flushOwn());
    assertFalse(unflushed.losing(0));
    unflushed.seen(1);
    assertTrue(unflushed.wrote(unflushed.writing()));
    assertTrue(unflushed.losing(1));
    unflushed.seen(2);
    assertFalse(flushOwn());
  }

  @Test
  void aHandOverUnderTheSameCountHasFlushedAll() {
    unflushed.answered(3);
    unflushed.handedOver(3);
    assertTrue(unflushed.isEmpty());
    assertTrue(flush(3));
  }

  @Test
  void aHandOverUnderALaterCountHasNot() {
    unflushed.answered(3);
    unflushed.handedOver(4);
    assertFalse(unflushed.isEmpty());
    assertFalse(flush(4));
    assertTrue(unflushed.isEmpty());
  }
}
