package dev.wherry.path.shared;

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
import org.jspecify.annotations.Nullable;

/** A store that outlives whoever has it open; a test can make its flushes fail, and hold writes. */
final class Disk extends ForwardingDevice {
  private boolean failsFlush;
  private boolean failsWrites;
  private Runnable beforeRead = () -> {};
  private @Nullable FileChannel sent;
  private CompletableFuture<Void> writesHeld = CompletableFuture.completedFuture(null);
  private boolean closed;
  private int flushes;
  private int writes;

  Disk(long size) {
    super(new MemoryDevice(size));
  }

  /** What lies there, whatever a map says of it. */
  byte[] content(long offset, int length) {
    ByteBuf data = device.read(offset, length).join();
    byte[] bytes = ByteBufUtil.getBytes(data);
    data.release();
    return bytes;
  }

  void put(long offset, byte[] bytes) {
    device.write(offset, Unpooled.wrappedBuffer(bytes), 0).join();
  }

  void failFlushes(boolean fails) {
    failsFlush = fails;
  }

  void failWrites(boolean fails) {
    failsWrites = fails;
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
    return failsWrites
        ? Answers.failed(NbdError.EIO, "the disk is broken")
        : writesHeld.thenCompose(v -> device.write(offset, data, flags));
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
    return failsFlush ? Answers.failed(NbdError.EIO, "the disk is broken") : device.flush();
  }

  @Override
  public CompletableFuture<Void> close() {
    closed = true;
    return Answers.done();
  }
}
