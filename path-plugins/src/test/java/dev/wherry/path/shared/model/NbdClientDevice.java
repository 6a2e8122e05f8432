package dev.wherry.path.shared.model;

import dev.wherry.nbd.ExportInfo;
import dev.wherry.nbd.Extent;
import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import dev.wherry.path.Answers;
import dev.wherry.path.BlockDevice;
import dev.wherry.path.align.RangeLock;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;

/**
 * The server as one client has it open, with what {@link dev.wherry.nbd.client.NbdClient} promises
 * and no more: a server that goes away and comes back is a pause; what was answered and not flushed
 * is written again then, as long as the client lives. A change that was not answered in time is
 * there, or not, or torn.
 */
final class NbdClientDevice implements BlockDevice {
  private static final int PAGE = 4096;

  @SuppressWarnings("ArrayRecordComponent") // Nobody compares them.
  private record Entry(long offset, byte[] bytes) {}

  private final NbdServer server;
  private final Life life;
  private final Schedule schedule;
  private final RangeLock overlaps = new RangeLock();
  private final List<Entry> unflushed = new ArrayList<>();
  private final List<Asked<?>> open = new ArrayList<>();
  private int session;
  private boolean online = true;
  private boolean closed;

  NbdClientDevice(NbdServer server, Life life, Schedule schedule) {
    this.server = server;
    this.life = life;
    this.schedule = schedule;
    life.atDeath(this::end);
  }

  Life life() {
    return life;
  }

  /** The connection is gone. */
  void lost() {
    online = false;
    session++;
  }

  /** The server is there again. */
  void connect() {
    life.after(
        delay(),
        () -> {
          if (life.dead() || closed || !server.isUp()) {
            return;
          }
          online = true;
          unflushed.forEach(e -> server.platter().write(e.offset, e.bytes, false));
          List.copyOf(open).forEach(Asked::send);
        });
  }

  private long delay() {
    Settings s = schedule.settings();
    Simulation simulation = schedule.simulation();
    return simulation.about(s.linkNanos()) + simulation.about(s.storeNanos());
  }

  /** One request, which is sent again as long as no answer has come. */
  private final class Asked<T> {
    final Supplier<T> execute;
    final Runnable tear;
    final CompletableFuture<T> answer = new CompletableFuture<>();
    boolean sent;

    Asked(Supplier<T> execute, Runnable tear) {
      this.execute = execute;
      this.tear = tear;
      open.add(this);
      life.after(schedule.settings().ioTimeout().toNanos(), () -> giveUp("no answer in time"));
    }

    void giveUp(String why) {
      if (!answer.isDone()) {
        open.remove(this);
        if (sent && online) {
          tear.run();
        }
        answer.completeExceptionally(new NbdException(NbdError.EIO, NbdServer.URI + ": " + why));
      }
    }

    void send() {
      if (answer.isDone()) {
        return;
      }
      if (closed) {
        giveUp("the client is closed");
        return;
      }
      if (!online) {
        return;
      }
      int mine = session;
      sent = true;
      life.after(
          delay(),
          () -> {
            if (mine == session && !answer.isDone()) {
              open.remove(this);
              answer.complete(execute.get());
            }
          });
    }
  }

  private void end() {
    closed = true;
    List.copyOf(open).forEach(a -> a.giveUp("the client is closed"));
  }

  private <T> CompletableFuture<T> held(
      long offset, long length, boolean exclusive, Supplier<CompletableFuture<T>> action) {
    CompletableFuture<T> done = new CompletableFuture<>();
    overlaps.lock(
        offset,
        length,
        exclusive,
        hold ->
            action
                .get()
                .whenComplete(
                    (v, failure) -> {
                      hold.release();
                      if (failure == null) {
                        done.complete(v);
                      } else {
                        done.completeExceptionally(failure);
                      }
                    }));
    return done;
  }

  private <T> CompletableFuture<T> ask(Supplier<T> execute, Runnable tear) {
    Asked<T> asked = new Asked<>(execute, tear);
    asked.send();
    return asked.answer;
  }

  private CompletableFuture<Void> change(long offset, byte[] bytes) {
    return held(
        offset,
        bytes.length,
        true,
        () ->
            this.<Void>ask(
                () -> {
                  server.platter().write(offset, bytes, false);
                  unflushed.add(new Entry(offset, bytes));
                  return null;
                },
                () -> tear(offset, bytes)));
  }

  private void tear(long offset, byte[] bytes) {
    long pages = (offset + bytes.length - 1) / PAGE - offset / PAGE + 1;
    long kept = schedule.simulation().random().nextInt((int) pages + 1);
    if (kept > 0) {
      long end = (offset / PAGE + kept) * PAGE;
      int length = (int) Math.min(bytes.length, end - offset);
      server.platter().write(offset, Arrays.copyOf(bytes, length), false);
    }
  }

  @Override
  public CompletableFuture<ByteBuf> read(long offset, int length) {
    return held(
        offset,
        length,
        false,
        () ->
            ask(
                () ->
                    life.handOut(
                        Unpooled.wrappedBuffer(server.platter().read(offset, length)),
                        "data of the NBD server"),
                () -> {}));
  }

  @Override
  public CompletableFuture<Void> write(long offset, ByteBuf data, int flags) {
    return change(offset, ByteBufUtil.getBytes(data));
  }

  @Override
  public CompletableFuture<Void> zero(long offset, long length, int flags) {
    return change(offset, new byte[(int) length]);
  }

  @Override
  public CompletableFuture<Void> trim(long offset, long length, int flags) {
    return change(offset, new byte[(int) length]);
  }

  /** Makes durable what was answered before it is sent, on this connection and all others. */
  @Override
  public CompletableFuture<Void> flush() {
    return this.<Void>ask(
        () -> {
          server.platter().settle(server.platter().capture());
          unflushed.clear();
          return null;
        },
        () -> {});
  }

  @Override
  public CompletableFuture<List<Extent>> status(
      String context, long offset, long length, int maxExtents) {
    return held(
        offset,
        length,
        false,
        () -> ask(() -> SimDevice.extents(server.platter(), offset, length, maxExtents), () -> {}));
  }

  @Override
  public CompletableFuture<Void> cache(long offset, long length) {
    return Answers.done();
  }

  @Override
  public ExportInfo info() {
    return ExportInfo.of(schedule.settings().size());
  }

  @Override
  public String describe() {
    return NbdServer.URI;
  }

  @Override
  public CompletableFuture<Void> resize(long size) {
    return Answers.failed(NbdError.ENOTSUP, describe());
  }

  @Override
  public CompletableFuture<Void> close() {
    end();
    server.closed(this);
    return Answers.done();
  }
}
