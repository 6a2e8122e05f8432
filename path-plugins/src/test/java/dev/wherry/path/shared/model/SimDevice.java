package dev.wherry.path.shared.model;

import dev.wherry.nbd.ExportInfo;
import dev.wherry.nbd.Extent;
import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import dev.wherry.path.Answers;
import dev.wherry.path.BlockDevice;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;

/**
 * A store as one life of a daemon has it open. Requests take their time and end in any order; a
 * write shows when it ends or some time before. When the daemon dies, of a write that is under way
 * nothing, all, or its first pages are there.
 */
final class SimDevice implements BlockDevice {
  private static final int PAGE = 4096;

  private final Life life;
  private final Platter platter;
  private final Settings settings;
  private final NodeDisk disk;
  private final ExportInfo info;
  private boolean closed;

  SimDevice(Life life, Platter platter, Settings settings, NodeDisk disk) {
    this.disk = disk;
    this.life = life;
    this.platter = platter;
    this.settings = settings;
    this.info = ExportInfo.of(settings.size());
  }

  /** A change of the store that was asked for. */
  private final class Change {
    final long offset;
    final byte[] bytes;
    final boolean throughout;
    final Runnable death = this::tear;
    boolean shown;

    Change(long offset, byte[] bytes, boolean throughout) {
      this.offset = offset;
      this.bytes = bytes;
      this.throughout = throughout;
      life.atDeath(death);
    }

    void show() {
      if (!shown && !life.dead()) {
        shown = true;
        life.forget(death);
        platter.write(offset, bytes, throughout);
      }
    }

    void tear() {
      if (!shown && !platter.freed()) {
        shown = true;
        long pages = (offset + bytes.length - 1) / PAGE - offset / PAGE + 1;
        long kept = life.simulation().random().nextInt((int) pages + 1);
        long end = kept == 0 ? offset : (offset / PAGE + kept) * PAGE;
        int length = (int) Math.min(bytes.length, end - offset);
        platter.write(offset, Arrays.copyOf(bytes, length), false);
      }
    }
  }

  private long delay() {
    return life.simulation().about(settings.storeNanos());
  }

  private void expectOpen(String what, long offset, long length) {
    if (life.dead()) {
      return;
    }
    if (closed || platter.freed()) {
      throw report(what + " of a store that is " + (closed ? "closed" : "freed"));
    }
    if (offset < 0 || length < 0 || offset + length > info.size()) {
      throw report(what + " of " + offset + "+" + length + " of a store of " + info.size());
    }
  }

  private Violation report(String message) {
    Violation violation = new Violation("node " + life + ": " + message);
    life.simulation().report(violation);
    return violation;
  }

  private <T> CompletableFuture<T> later(String what, Supplier<T> end) {
    CompletableFuture<T> done = new CompletableFuture<>();
    boolean fails = life.simulation().fails(settings.storeErrors());
    life.after(
        delay(),
        () -> {
          if (life.dead()) {
            done.completeExceptionally(new NbdException(NbdError.EIO, "dead"));
          } else if (fails) {
            done.completeExceptionally(new NbdException(NbdError.EIO, what + ": injected"));
          } else {
            done.complete(end.get());
          }
        });
    return done;
  }

  private CompletableFuture<Void> change(String what, Change change) {
    if (life.simulation().chance(0.2)) {
      life.after(life.simulation().about(settings.storeNanos() / 4), change::show);
    }
    return SimDevice.<Void>withFailure(
        later(
            what,
            () -> {
              change.show();
              if (life.simulation().chance(0.05)) {
                platter.writeBack(life.simulation().random());
              }
              return null;
            }),
        () -> {
          life.forget(change.death);
          if (!life.dead()) {
            change.tear();
          }
        });
  }

  private static <T> CompletableFuture<T> withFailure(
      CompletableFuture<T> done, Runnable onFailure) {
    return done.whenComplete(
        (v, t) -> {
          if (t != null) {
            onFailure.run();
          }
        });
  }

  @Override
  public CompletableFuture<ByteBuf> read(long offset, int length) {
    expectOpen("a read", offset, length);
    return later("read", () -> buffer(platter.read(offset, length), "data of its store"));
  }

  private ByteBuf buffer(byte[] bytes, String what) {
    return life.handOut(Unpooled.wrappedBuffer(bytes), what);
  }

  @Override
  public boolean tryRead(long offset, int length, ByteBuf into) {
    if (life.dead() || closed || !life.simulation().chance(settings.attempts())) {
      return false;
    }
    expectOpen("a read", offset, length);
    into.writeBytes(platter.read(offset, length));
    return true;
  }

  @Override
  public CompletableFuture<Void> write(long offset, ByteBuf data, int flags) {
    expectOpen("a write", offset, data.readableBytes());
    int reader = data.readerIndex();
    byte[] bytes = ByteBufUtil.getBytes(data);
    CompletableFuture<Void> done =
        disk.hasRoom(platter, offset, bytes.length)
            ? change("write", new Change(offset, bytes, (flags & FUA) != 0))
            : noRoom();
    return done.whenComplete(
        (v, t) -> {
          if (life.dead()) {
            return;
          }
          if (data.refCnt() == 0
              || data.readerIndex() != reader
              || !Arrays.equals(bytes, ByteBufUtil.getBytes(data))) {
            report("a buffer changed or was released while it was lent to the store");
          }
        });
  }

  private CompletableFuture<Void> noRoom() {
    CompletableFuture<Void> done = new CompletableFuture<>();
    life.after(
        delay(),
        () -> done.completeExceptionally(new NbdException(NbdError.ENOSPC, "no room: injected")));
    return done;
  }

  @Override
  public boolean tryWrite(long offset, ByteBuf data) {
    if (life.dead() || closed || !life.simulation().chance(settings.attempts())) {
      return false;
    }
    if (!disk.hasRoom(platter, offset, data.readableBytes())) {
      return false;
    }
    expectOpen("a write", offset, data.readableBytes());
    platter.write(offset, ByteBufUtil.getBytes(data), false);
    return true;
  }

  @Override
  public CompletableFuture<Void> flush() {
    expectOpen("a flush", 0, 0);
    Platter.Capture capture = platter.capture();
    return later(
        "flush",
        () -> {
          platter.settle(capture);
          return null;
        });
  }

  /** Leaves the data, zeroes it, or zeroes whole pages, as devices do. */
  @Override
  public CompletableFuture<Void> trim(long offset, long length, int flags) {
    expectOpen("a trim", offset, length);
    return switch (life.simulation().random().nextInt(3)) {
      case 0 -> later("trim", () -> null);
      case 1 -> zero(offset, length, flags);
      default -> {
        long from = (offset + PAGE - 1) / PAGE * PAGE;
        long end = (offset + length) / PAGE * PAGE;
        yield end <= from ? later("trim", () -> null) : zero(from, end - from, flags);
      }
    };
  }

  @Override
  public CompletableFuture<Void> zero(long offset, long length, int flags) {
    expectOpen("a zero", offset, length);
    if ((flags & FAST_ZERO) != 0 && life.simulation().chance(0.3)) {
      return Answers.failed(NbdError.ENOTSUP, "not fast");
    }
    return change("zero", new Change(offset, new byte[(int) length], (flags & FUA) != 0))
        .thenAccept(
            v -> {
              if (!life.dead() && !platter.freed()) {
                platter.punch(offset, length);
              }
            });
  }

  @Override
  public CompletableFuture<Void> cache(long offset, long length) {
    return Answers.done();
  }

  @Override
  public CompletableFuture<List<Extent>> status(
      String context, long offset, long length, int maxExtents) {
    expectOpen("a status", offset, length);
    if (!context.equals(Extent.BASE_ALLOCATION)) {
      return Answers.unknownContext(context);
    }
    return later("status", () -> extents(platter, offset, length, maxExtents));
  }

  /** Which pages read as zeroes. */
  static List<Extent> extents(Platter platter, long offset, long length, int maxExtents) {
    byte[] bytes = platter.read(offset, (int) length);
    List<Extent> extents = new java.util.ArrayList<>();
    int at = 0;
    while (at < bytes.length && extents.size() < maxExtents) {
      int to = at;
      boolean zero = isZero(bytes, at, pageEnd(offset, at, bytes.length));
      while (to < bytes.length && isZero(bytes, to, pageEnd(offset, to, bytes.length)) == zero) {
        to = pageEnd(offset, to, bytes.length);
      }
      extents.add(new Extent(to - at, zero ? Extent.ZERO | Extent.HOLE : 0));
      at = to;
    }
    return extents;
  }

  private static int pageEnd(long offset, int index, int length) {
    return (int) Math.min(length, ((offset + index) / PAGE + 1) * PAGE - offset);
  }

  private static boolean isZero(byte[] bytes, int from, int end) {
    for (int i = from; i < end; i++) {
      if (bytes[i] != 0) {
        return false;
      }
    }
    return true;
  }

  @Override
  public ExportInfo info() {
    return info;
  }

  @Override
  public String describe() {
    return "store of " + life.node();
  }

  @Override
  public CompletableFuture<Void> resize(long size) {
    return Answers.failed(NbdError.ENOTSUP, describe() + " keeps its size");
  }

  @Override
  public CompletableFuture<Void> close() {
    closed = true;
    return Answers.done();
  }

  Platter platter() {
    return platter;
  }
}
