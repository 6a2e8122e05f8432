package dev.wherry.nbd.server;

import dev.wherry.nbd.FileSlice;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOutboundBuffer;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/**
 * What one connection has to send, in order. Small replies are put together in one buffer and leave
 * in one write; payloads follow without a copy; ranges of files go through sendfile.
 *
 * <p>At most one file range is in Netty's hands, with nothing behind it, so that all others and the
 * rest of that one can be replaced by their content when the device is to be let go ({@link
 * #detach}).
 *
 * <p>Confined to the connection's event loop.
 */
final class Outbound {
  private static final int BATCH = 256 << 10;
  private static final int PIECE = 256 << 10;

  /** File bytes that may be queued: what a detach may have to copy into memory. */
  private static final long FILE_LIMIT = 8 << 20;

  /** Bytes that may wait behind a file range; Netty does not know of them. */
  private static final long DEFERRED_LIMIT = 2 << 20;

  private final ChannelHandlerContext ctx;
  private final Credit credit;
  private final Runnable onRoom;
  private final Deque<Item> deferred = new ArrayDeque<>();
  private @Nullable ByteBuf batch;
  private int batchCredit;
  private @Nullable FileSlice sending;
  private @Nullable ByteBuf rest;
  private long fileBytes;
  private long deferredBytes;
  private boolean dirty;
  private boolean closed;

  /** Exactly one of the first two is there. */
  private record Item(@Nullable ByteBuf data, @Nullable FileSlice file, int credit) {}

  /**
   * @param onRoom run when something has been sent, so that there may be room again
   */
  Outbound(ChannelHandlerContext ctx, Credit credit, Runnable onRoom) {
    this.ctx = ctx;
    this.credit = credit;
    this.onRoom = onRoom;
  }

  /** Whether more may be queued; else the peer is not reading fast enough. */
  boolean hasRoom() {
    return ctx.channel().isWritable() && fileBytes < FILE_LIMIT && deferredBytes < DEFERRED_LIMIT;
  }

  /** Whether everything was handed to the socket. */
  boolean isEmpty() {
    return batch == null && sending == null && deferred.isEmpty();
  }

  /**
   * The buffer for small replies, with room for {@code bytes}.
   *
   * @param likely how many more bytes of small replies this round may bring
   */
  ByteBuf room(int bytes, int likely) {
    ByteBuf b = batch;
    if (b != null && b.writableBytes() >= bytes) {
      return b;
    }
    pushBatch();
    b = PooledByteBufAllocator.DEFAULT.directBuffer(Math.max(bytes, Math.min(BATCH, likely)));
    batch = b;
    return b;
  }

  /** Gives back so much credit once the small replies are sent. */
  void charge(int bytes) {
    batchCredit += bytes;
  }

  /** Queues a payload behind the small replies. Takes the buffer. */
  void payload(ByteBuf data, int charged) {
    pushBatch();
    push(new Item(data, null, charged));
  }

  /** Queues a range of a file behind the small replies. Takes the slice. */
  void file(FileSlice slice) {
    pushBatch();
    fileBytes += slice.count();
    push(new Item(null, slice, 0));
  }

  /** Bytes that the socket has not taken. */
  long pendingBytes() {
    ChannelOutboundBuffer b = ctx.channel().unsafe().outboundBuffer();
    FileSlice f = sending;
    long inNetty = b == null ? 0 : b.totalPendingWriteBytes();
    return inNetty + deferredBytes + fileBytes - (f == null ? 0 : f.transferred());
  }

  void flush() {
    pushBatch();
    if (dirty) {
      dirty = false;
      ctx.flush();
    }
  }

  /** Reads all file ranges that are queued into memory. */
  void detach() throws IOException {
    FileSlice current = sending;
    if (current != null && rest == null) {
      rest = current.cut(PooledByteBufAllocator.DEFAULT);
    }
    for (int i = deferred.size(); i > 0; i--) {
      Item item = deferred.remove();
      FileSlice file = item.file;
      if (file == null) {
        deferred.add(item);
        continue;
      }
      fileBytes -= file.count();
      try {
        defer(new Item(file.cut(PooledByteBufAllocator.DEFAULT), null, 0));
      } finally {
        file.release();
      }
    }
    if (current != null) {
      // Lets Netty find the region complete if the socket has room; else it does so when it has.
      ctx.flush();
    }
  }

  /** Releases what is queued here. What Netty has, fails by itself. */
  void close() {
    closed = true;
    pushBatch();
    for (Item item : deferred) {
      discard(item);
    }
    deferred.clear();
    if (rest != null) {
      rest.release();
      rest = null;
    }
  }

  private void pushBatch() {
    ByteBuf b = batch;
    if (b != null) {
      batch = null;
      int charged = batchCredit;
      batchCredit = 0;
      if (b.isReadable()) {
        push(new Item(b, null, charged));
      } else {
        b.release();
        credit.give(charged);
      }
    }
  }

  private void push(Item item) {
    if (closed) {
      discard(item);
    } else if (sending != null) {
      defer(item);
    } else {
      write(item);
    }
  }

  private void defer(Item item) {
    deferred.add(item);
    deferredBytes += item.data == null ? 0 : item.data.readableBytes();
  }

  private void discard(Item item) {
    if (item.data != null) {
      item.data.release();
    }
    if (item.file != null) {
      item.file.release();
    }
    credit.give(item.credit);
  }

  private void write(Item item) {
    dirty = true;
    if (item.file != null) {
      FileSlice file = item.file;
      long length = file.count();
      sending = file;
      ctx.write(file).addListener(f -> sent(length, f.isSuccess()));
    } else if (item.data != null) {
      write(item.data, item.credit);
    }
  }

  /** Large payloads go in pieces, so that a slow reader's progress shows. */
  private void write(ByteBuf data, int charged) {
    while (data.readableBytes() > PIECE) {
      ctx.write(data.readRetainedSlice(PIECE), ctx.voidPromise());
    }
    if (charged == 0) {
      ctx.write(data, ctx.voidPromise());
    } else {
      ctx.write(data)
          .addListener(
              f -> {
                credit.give(charged);
                onRoom.run();
              });
    }
  }

  private void sent(long length, boolean success) {
    sending = null;
    fileBytes -= length;
    if (closed || !success) {
      return;
    }
    if (rest != null) {
      ByteBuf r = rest;
      rest = null;
      dirty = true;
      write(r, 0);
    }
    while (sending == null && !deferred.isEmpty()) {
      Item item = deferred.remove();
      deferredBytes -= item.data == null ? 0 : item.data.readableBytes();
      write(item);
    }
    flush();
    onRoom.run();
  }
}
