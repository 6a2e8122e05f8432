package dev.wherry.path.shared.model;

import dev.wherry.path.BlockDevice;
import dev.wherry.path.link.LinkReply;
import dev.wherry.path.link.LinkRequest;
import dev.wherry.path.link.Op;
import dev.wherry.path.link.Priority;
import dev.wherry.path.shared.BatchLog;
import dev.wherry.path.shared.Parts;
import dev.wherry.path.shared.Role;
import dev.wherry.path.shared.SharedVolume;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** Bugs of a source that follows. */
final class BatchMutants {
  private BatchMutants() {}

  /** What is sent of a batch, on its way to a source with a store. */
  private abstract static class Sent extends RealPart {
    final @Nullable BlockDevice store;

    Sent(SharedVolume volume, @Nullable BlockDevice store) {
      super(volume);
      this.store = store;
    }

    /**
     * A piece of data has come.
     *
     * @param data a copy
     */
    abstract void data(BlockDevice to, long offset, ByteBuf data);

    @Override
    public CompletableFuture<LinkReply> serve(String from, LinkRequest r, Priority priority) {
      boolean data = r.op() == Op.BATCH_DATA && r.flags() == 0;
      if (data && store != null && state().role() == Role.FORMER && state().hasStore()) {
        ByteBuf in = r.payload();
        data(store, r.offset(), in.copy(in.readerIndex() + 8, in.readableBytes() - 8));
      }
      return super.serve(from, r, priority);
    }

    static void put(BlockDevice to, long offset, ByteBuf data) {
      to.write(offset, data, 0).whenComplete((v, failure) -> data.release());
    }
  }

  /** Pieces go to the store as they come. */
  static final class Eager extends Sent {
    Eager(SharedVolume volume, Parts parts) {
      super(volume, parts.store());
    }

    @Override
    void data(BlockDevice to, long offset, ByteBuf data) {
      put(to, offset, data);
    }
  }

  /** A piece of a batch goes to the store after the batch that follows. */
  static final class Disorderly extends Sent {
    private @Nullable Runnable late;
    private @Nullable Runnable next;

    Disorderly(SharedVolume volume, Parts parts) {
      super(volume, parts.store());
    }

    @Override
    void data(BlockDevice to, long offset, ByteBuf data) {
      byte[] bytes = new byte[data.readableBytes()];
      data.readBytes(bytes).release();
      next = next == null ? () -> put(to, offset, Unpooled.wrappedBuffer(bytes)) : next;
    }

    @Override
    public CompletableFuture<LinkReply> serve(String from, LinkRequest r, Priority priority) {
      CompletableFuture<LinkReply> served = super.serve(from, r, priority);
      return r.op() == Op.BATCH_COMMIT ? served.thenApply(this::committed) : served;
    }

    private LinkReply committed(LinkReply reply) {
      if (late != null && state().role() == Role.FORMER && state().hasStore()) {
        late.run();
      }
      late = next;
      next = null;
      return reply;
    }
  }

  /** Says that it has what it was sent at once, and writes it a little later. */
  static final class Hasty extends RealPart {
    private static final long LATE_MILLIS = 5;

    private final Parts parts;
    private long life;

    Hasty(SharedVolume volume, Parts parts) {
      super(volume);
      this.parts = parts;
    }

    @Override
    public CompletableFuture<LinkReply> serve(String from, LinkRequest r, Priority priority) {
      if (r.op() == Op.STORE_WRITE && life != 0) {
        LinkRequest copy = r.withPayload(Unpooled.copiedBuffer(r.payload()));
        parts
            .timer()
            .schedule(
                () ->
                    super.serve(from, copy, priority)
                        .whenComplete(
                            (reply, failure) -> {
                              copy.payload().release();
                              if (reply != null) {
                                reply.payload().release();
                              }
                            }),
                LATE_MILLIS,
                TimeUnit.MILLISECONDS);
        ByteBuf answer = Unpooled.buffer(8).writeLong(life);
        return CompletableFuture.completedFuture(LinkReply.ok(r.epoch(), answer));
      }
      CompletableFuture<LinkReply> served = super.serve(from, r, priority);
      return r.op() == Op.BATCH_COMMIT ? served.thenApply(this::committed) : served;
    }

    private LinkReply committed(LinkReply reply) {
      ByteBuf payload = reply.payload();
      life = reply.isOk() ? payload.getLong(payload.readerIndex()) : 0;
      return reply;
    }
  }

  /** A batch that is never forced. */
  record Unforced(BatchLog log) implements BatchLog {
    @Override
    public CompletableFuture<ByteBuf> read(long offset, int length) {
      return log.read(offset, length);
    }

    @Override
    public CompletableFuture<Void> write(long offset, ByteBuf data) {
      return log.write(offset, data);
    }

    @Override
    public CompletableFuture<Void> force() {
      return CompletableFuture.completedFuture(null);
    }

    @Override
    public CompletableFuture<Void> truncate(long length) {
      return log.truncate(length);
    }

    @Override
    public CompletableFuture<String> setAside(long offset, ByteBuf data) {
      return log.setAside(offset, data);
    }

    @Override
    public CompletableFuture<Void> close() {
      return log.close();
    }
  }
}
