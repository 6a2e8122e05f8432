package dev.wherry.path.shared.model;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;

/** What a durable write that was answered after a loss of power says of what was there before. */
class CellHistoryTest {
  private final Simulation simulation = new Simulation(1);
  private final Life owner = new Life(simulation, "a", 1, "boot 0");
  private final Life standby = new Life(simulation, "b", 1, "boot 0");
  private final Oracle oracle = new Oracle(new Cells(4096, 0));
  private int number;

  private HostOp done(Life life, HostOp.Kind kind, boolean fua, long began, long ended) {
    HostOp op = new HostOp(++number, life, kind, 0, 1, fua, began, began);
    op.ok = true;
    op.over = true;
    op.ended = ended;
    oracle.begins(op);
    return op;
  }

  private void read(HostOp found, long began) {
    HostOp read = done(owner, HostOp.Kind.READ, false, began, began + 1);
    oracle.found(read, 0, found.number);
  }

  /** A flushed write, a durable one of a standby that was answered after the loss, and a loss. */
  private HostOp written(long flushedBegan, long durableBegan) {
    HostOp flushed = done(owner, HostOp.Kind.WRITE, false, flushedBegan, flushedBegan + 2);
    done(standby, HostOp.Kind.WRITE, true, durableBegan, 50);
    oracle.covers(35, 36, owner);
    oracle.loses(40, "a");
    return flushed;
  }

  @Test
  void itMayHaveBeenReplacedBeforeTheLoss() {
    HostOp flushed = written(20, 10);
    read(flushed, 60);
    oracle.loses(70, "a");
    read(flushed, 80);
    assertDoesNotThrow(oracle::judge);
  }

  @Test
  void itReplacedWhatHadEndedBeforeItBegan() {
    HostOp flushed = written(10, 20);
    oracle.loses(70, "a");
    read(flushed, 80);
    assertThrows(Violation.class, oracle::judge);
  }
}
