package dev.wherry.path.shared.model;

import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import dev.wherry.path.Answers;
import dev.wherry.path.shared.BatchLog;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;

/**
 * The file in which a source keeps a batch: what was written is in the page cache, what was forced
 * is durable. A power loss leaves each sector as it was forced or as it was written.
 */
final class SimBatchFile {
  private static final int SECTOR = 512;
  private static final int SLOT = 4096;
  private static final int HEAD = 60;
  private static final int STATE_AT = 12;
  private static final int SEQUENCE_AT = 16;
  private static final int COMMITTED = 2;

  private byte[] content = new byte[0];
  private byte[] forced = new byte[0];

  /** The file as one life of a daemon has it open. */
  BatchLog open(Life life, Faults faults, Settings settings, NodeDisk disk) {
    return new Handle(life, faults, settings, disk);
  }

  /** Whether a batch is committed and may be in the store in part. */
  boolean isBeingApplied() {
    int a = stateOf(0);
    int b = stateOf(SLOT);
    return (sequenceOf(0) > sequenceOf(SLOT) ? a : b) == COMMITTED;
  }

  private int stateOf(int slot) {
    return content.length < slot + HEAD ? 0 : ByteBuffer.wrap(content).getInt(slot + STATE_AT);
  }

  private long sequenceOf(int slot) {
    return content.length < slot + HEAD ? 0 : ByteBuffer.wrap(content).getLong(slot + SEQUENCE_AT);
  }

  void losePower(Random random) {
    int length = random.nextBoolean() ? content.length : forced.length;
    byte[] left = Arrays.copyOf(forced, length);
    int kept = random.nextInt(4);
    for (int at = 0; at < Math.min(length, content.length); at += SECTOR) {
      if (random.nextInt(4) < kept) {
        int end = Math.min(Math.min(length, content.length), at + SECTOR);
        System.arraycopy(content, at, left, at, end - at);
      }
    }
    content = left;
    forced = left.clone();
  }

  private void write(int offset, byte[] bytes, int length) {
    content = Arrays.copyOf(content, Math.max(content.length, offset + length));
    System.arraycopy(bytes, 0, content, offset, length);
  }

  private final class Handle implements BatchLog {
    private final Life life;
    private final Faults faults;
    private final Settings settings;
    private final NodeDisk disk;

    Handle(Life life, Faults faults, Settings settings, NodeDisk disk) {
      this.disk = disk;
      this.life = life;
      this.faults = faults;
      this.settings = settings;
    }

    private <T> CompletableFuture<T> later(String what, Supplier<T> end) {
      CompletableFuture<T> done = new CompletableFuture<>();
      boolean fails = life.simulation().fails(settings.storeErrors());
      life.after(
          life.simulation().about(settings.storeNanos()),
          () -> {
            if (life.dead()) {
              done.completeExceptionally(new NbdException(NbdError.EIO, "dead"));
            } else if (fails) {
              done.completeExceptionally(new NbdException(NbdError.ENOSPC, what + ": injected"));
            } else {
              T value = end.get();
              faults.at("batch " + what, life);
              done.complete(value);
            }
          });
      return done;
    }

    @Override
    public CompletableFuture<ByteBuf> read(long offset, int length) {
      return later(
          "read",
          () -> {
            int from = (int) Math.min(content.length, offset);
            int to = (int) Math.min(content.length, offset + length);
            return life.handOut(
                Unpooled.wrappedBuffer(Arrays.copyOfRange(content, from, to)), "staged data");
          });
    }

    @Override
    public CompletableFuture<Void> write(long offset, ByteBuf data) {
      byte[] bytes = ByteBufUtil.getBytes(data);
      data.release();
      if (disk.full && offset + bytes.length > content.length) {
        return Answers.failed(NbdError.ENOSPC, "no room for a batch: injected");
      }
      Runnable tear =
          () -> {
            int kept = life.simulation().random().nextInt(bytes.length + 1);
            SimBatchFile.this.write((int) offset, bytes, kept);
          };
      life.atDeath(tear);
      return this.<Void>later(
              "write",
              () -> {
                life.forget(tear);
                SimBatchFile.this.write((int) offset, bytes, bytes.length);
                return null;
              })
          .whenComplete((v, failure) -> life.forget(tear));
    }

    @Override
    public CompletableFuture<Void> force() {
      byte[] now = content.clone();
      return later(
          "force",
          () -> {
            forced = now;
            return null;
          });
    }

    @Override
    public CompletableFuture<Void> truncate(long length) {
      return later(
          "truncate",
          () -> {
            content = Arrays.copyOf(content, (int) Math.min(content.length, length));
            return null;
          });
    }

    @Override
    public CompletableFuture<String> setAside(long offset, ByteBuf data) {
      byte[] bytes = ByteBufUtil.getBytes(data);
      data.release();
      return later(
          "set aside",
          () -> {
            content = new byte[0];
            SimBatchFile.this.write((int) offset, bytes, bytes.length);
            forced = content.clone();
            return "what was damaged";
          });
    }

    @Override
    public CompletableFuture<Void> close() {
      return Answers.done();
    }
  }
}
