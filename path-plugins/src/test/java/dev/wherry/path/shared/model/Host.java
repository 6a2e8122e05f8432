package dev.wherry.path.shared.model;

import dev.wherry.nbd.Export;
import dev.wherry.nbd.Extent;
import dev.wherry.path.Volume;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** One queue slot of a host: it makes one request after the other while the daemon lives. */
final class Host {
  private final Schedule schedule;
  private final Node node;
  private final Life life;

  Host(Schedule schedule, Node node, Life life) {
    this.schedule = schedule;
    this.node = node;
    this.life = life;
  }

  void think() {
    life.after(schedule.simulation().about(schedule.settings().thinkNanos()), this::next);
  }

  private void next() {
    Volume volume = node.volume();
    if (life.dead() || node.life() != life || node.removing() || volume == null) {
      return;
    }
    if (!schedule.takeRequest()) {
      return;
    }
    HostOp op = draw();
    run(op, volume).whenComplete((v, t) -> think());
  }

  private HostOp draw() {
    Simulation s = schedule.simulation();
    Cells cells = schedule.cells();
    HostOp.Kind kind =
        switch (s.random().nextInt(24)) {
          case 0, 1 -> HostOp.Kind.FLUSH;
          // It may leave a cell in two halves where cells are not sectors.
          case 2 -> schedule.settings().shift() == 0 ? HostOp.Kind.TRIM : HostOp.Kind.ZERO;
          case 3 -> HostOp.Kind.ZERO;
          case 4 -> HostOp.Kind.STATUS;
          case 5, 6, 7, 8, 9, 10, 11, 12, 13 -> HostOp.Kind.READ;
          default -> HostOp.Kind.WRITE;
        };
    int from =
        s.chance(0.5) ? s.between(0, Math.min(96, cells.count())) : s.between(0, cells.count());
    int length =
        switch (s.random().nextInt(4)) {
          case 0 -> 1;
          case 1 -> s.between(1, 16);
          case 2 -> s.between(16, 48);
          default -> {
            int block = schedule.settings().blockSize() / 256;
            from = from / block * block;
            yield block * s.between(1, 3);
          }
        };
    if (kind == HostOp.Kind.FLUSH) {
      return schedule.begin(life, kind, 0, cells.count(), false);
    }
    boolean fua = s.chance(0.1);
    return schedule.begin(
        life, kind, from, Math.min(cells.count(), from + length), fua && kind != HostOp.Kind.READ);
  }

  /** Makes a request; done when it is answered, or the daemon is dead. */
  CompletableFuture<Void> run(HostOp op, Volume volume) {
    CompletableFuture<Void> over = new CompletableFuture<>();
    try {
      submit(op, volume)
          .whenComplete(
              (v, t) -> {
                schedule.end(op, node, t);
                over.complete(null);
              });
    } catch (RuntimeException e) {
      schedule.simulation().report(e);
    }
    return over;
  }

  private CompletableFuture<Void> submit(HostOp op, Volume volume) {
    Cells cells = schedule.cells();
    int offset = cells.start(op.from);
    int length = cells.start(op.end) - offset;
    int flags = op.fua ? Export.FUA : 0;
    return switch (op.kind) {
      case READ -> read(op, volume, offset, length);
      case WRITE -> write(op, volume, offset, length, flags);
      case ZERO -> volume.zero(offset, length, flags);
      case TRIM -> volume.trim(offset, length, flags);
      case FLUSH -> volume.flush();
      case STATUS ->
          volume
              .status(Extent.BASE_ALLOCATION, offset, length, 64)
              .thenAccept(e -> zeroes(op, offset, e));
    };
  }

  private CompletableFuture<Void> read(HostOp op, Volume volume, int offset, int length) {
    if (schedule.simulation().chance(0.5)) {
      ByteBuf into = Unpooled.buffer(length);
      if (volume.tryRead(offset, length, into)) {
        found(op, offset, into);
        return CompletableFuture.completedFuture(null);
      }
    }
    return volume
        .read(offset, length)
        .thenAccept(
            data -> {
              try {
                if (data.readableBytes() != length) {
                  throw new Violation(op + " got " + data.readableBytes() + " bytes");
                }
                found(op, offset, data);
              } finally {
                data.release();
              }
            });
  }

  private void found(HostOp op, int offset, ByteBuf data) {
    if (life.dead()) {
      return;
    }
    op.ended = schedule.simulation().tick();
    Cells cells = schedule.cells();
    for (int c = op.from; c < op.end; c++) {
      int at = data.readerIndex() + cells.start(c) - offset;
      schedule.found(op, c, cells.stamp(data, at, c));
    }
  }

  private void zeroes(HostOp op, int offset, List<Extent> extents) {
    if (life.dead()) {
      return;
    }
    op.ended = schedule.simulation().tick();
    Cells cells = schedule.cells();
    long at = offset;
    for (Extent e : extents) {
      long end = at + e.length();
      if (end > cells.start(op.end)) {
        throw new Violation(op + " got extents up to " + end);
      }
      for (int c = op.from; c < op.end && (e.flags() & Extent.ZERO) != 0; c++) {
        if (cells.start(c) >= at && cells.end(c) <= end) {
          schedule.found(op, c, 0);
        }
      }
      at = end;
    }
  }

  private CompletableFuture<Void> write(
      HostOp op, Volume volume, int offset, int length, int flags) {
    Cells cells = schedule.cells();
    byte[] bytes = new byte[length];
    for (int c = op.from; c < op.end; c++) {
      cells.fill(bytes, cells.start(c) - offset, c, op.number);
    }
    ByteBuf data = Unpooled.buffer(length + 7);
    data.writerIndex(7).readerIndex(7);
    data.writeBytes(bytes);
    CompletableFuture<Void> done =
        flags == 0 && schedule.simulation().chance(0.5) && volume.tryWrite(offset, data)
            ? CompletableFuture.completedFuture(null)
            : volume.write(offset, data, flags);
    return done.whenComplete((v, t) -> giveBack(op, data, length, t));
  }

  private void giveBack(HostOp op, ByteBuf data, int length, @Nullable Throwable failure) {
    if (data.refCnt() != 1 || data.readerIndex() != 7 || data.readableBytes() != length) {
      schedule
          .simulation()
          .report(
              new Violation(
                  "the buffer of "
                      + op
                      + " came back with "
                      + data.refCnt()
                      + " references, at "
                      + data.readerIndex()
                      + (failure == null ? "" : ", after " + failure)));
      return;
    }
    data.release();
  }
}
