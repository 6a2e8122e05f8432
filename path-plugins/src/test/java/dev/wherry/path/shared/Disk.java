package dev.wherry.path.shared;

import dev.wherry.nbd.Export;
import dev.wherry.nbd.FileSlice;
import dev.wherry.nbd.NbdError;
import dev.wherry.path.Answers;
import dev.wherry.path.ForwardingDevice;
import dev.wherry.path.memory.MemoryDevice;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.nio.channels.FileChannel;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A store that outlives whoever has it open, and forgets with its power what was not flushed; a
 * test can make its flushes fail, and hold writes.
 */
final class Disk extends ForwardingDevice {
  private boolean failsFlush;
  private Supplier<CompletableFuture<Void>> flushTime = Answers::done;
  private boolean failsWrites;
  private boolean full;
  private Runnable beforeRead = () -> {};
  private @Nullable FileChannel sent;
  private CompletableFuture<Void> writesHeld = CompletableFuture.completedFuture(null);
  private boolean closed;
  private final byte[] durable;
  private boolean dark;
  private int flushes;
  private int writes;

  Disk(long size) {
    super(new MemoryDevice(size));
    durable = new byte[(int) size];
  }

  /** What lies there, whatever a map says of it. */
  byte[] content(long offset, int length) {
    ByteBuf data = device.read(offset, length).join();
    byte[] bytes = ByteBufUtil.getBytes(data);
    data.release();
    return bytes;
  }

  /** Puts something there, durably. */
  void put(long offset, byte[] bytes) {
    device.write(offset, Unpooled.wrappedBuffer(bytes), 0).join();
    System.arraycopy(bytes, 0, durable, (int) offset, bytes.length);
  }

  /** Nothing becomes durable any more. */
  void cutPower() {
    dark = true;
  }

  /** Only what was flushed is left. */
  void restorePower() {
    device.write(0, Unpooled.wrappedBuffer(durable), 0).join();
    dark = false;
  }

  void failFlushes(boolean fails) {
    failsFlush = fails;
  }

  void failWrites(boolean fails) {
    failsWrites = fails;
  }

  /** There is no room for anything more. */
  void fill(boolean isFull) {
    full = isFull;
  }

  /** Writes end no sooner than what is returned is completed. */
  CompletableFuture<Void> holdWrites() {
    writesHeld = new CompletableFuture<>();
    return writesHeld;
  }

  /** Something that happens while the next read is on its way to the disk. */
  void beforeRead(Runnable action) {
    beforeRead = action;
  }

  /** A file of which all can be sent, in place of its content. */
  void sendFrom(FileChannel file) {
    sent = file;
  }

  /** Writes that come from now on are not held. */
  void passWrites() {
    writesHeld = CompletableFuture.completedFuture(null);
  }

  /** Flushes end no sooner than what this gives them. */
  void flushesTake(Supplier<CompletableFuture<Void>> time) {
    flushTime = time;
  }

  int flushes() {
    return flushes;
  }

  int writes() {
    return writes;
  }

  boolean closed() {
    return closed;
  }

  void reopen() {
    closed = false;
  }

  /** Frees the memory. */
  void free() {
    device.close().join();
  }

  @Override
  public CompletableFuture<ByteBuf> read(long offset, int length) {
    Runnable first = beforeRead;
    beforeRead = () -> {};
    first.run();
    return super.read(offset, length);
  }

  @Override
  public CompletableFuture<Void> write(long offset, ByteBuf data, int flags) {
    writes++;
    int length = data.readableBytes();
    if (full) {
      return Answers.failed(NbdError.ENOSPC, "the disk is full");
    }
    return failsWrites
        ? Answers.failed(NbdError.EIO, "the disk is broken")
        : writesHeld
            .thenCompose(v -> device.write(offset, data, flags))
            .thenRun(
                () -> {
                  if ((flags & Export.FUA) != 0) {
                    keep(offset, length);
                  }
                });
  }

  private void keep(long offset, int length) {
    if (!dark) {
      System.arraycopy(content(offset, length), 0, durable, (int) offset, length);
    }
  }

  @Override
  public @Nullable FileSlice trySend(long offset, int length) {
    FileChannel file = sent;
    return file == null ? null : new FileSlice(file, offset, length, () -> {});
  }

  @Override
  public boolean tryWrite(long offset, ByteBuf data) {
    return false;
  }

  @Override
  public CompletableFuture<Void> flush() {
    flushes++;
    return failsFlush
        ? Answers.failed(NbdError.EIO, "the disk is broken")
        : flushTime.get().thenCompose(v -> device.flush()).thenRun(() -> keep(0, durable.length));
  }

  @Override
  public CompletableFuture<Void> close() {
    closed = true;
    return Answers.done();
  }
}
