package dev.wherry.path.io;

import io.netty.buffer.ByteBuf;
import io.netty.channel.uring.IoUringIoOps;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * One request to io_uring, submitted again for the rest where the kernel did a part. Used by the
 * ring's thread alone, once it was handed over.
 */
final class UringRequest {
  // Opcodes and flags of the kernel's ABI (linux/io_uring.h).
  private static final byte WRITEV = 2;
  private static final byte FSYNC = 3;
  private static final byte READ = 22;
  private static final byte WRITE = 23;
  private static final int FSYNC_DATASYNC = 1;

  private final byte opcode;
  private final int fd;
  private final int flags;
  private final @Nullable ByteBuf data;
  private final @Nullable Vectors vectors;
  private final boolean ownsData;
  private final CompletableFuture<Void> result = new CompletableFuture<>();
  private long offset;
  private int index;
  private int left;

  private UringRequest(
      byte opcode,
      int fd,
      long offset,
      int flags,
      @Nullable ByteBuf data,
      int index,
      int length,
      @Nullable Vectors vectors,
      boolean ownsData) {
    this.opcode = opcode;
    this.fd = fd;
    this.offset = offset;
    this.flags = flags;
    this.data = data;
    this.index = index;
    this.left = length;
    this.vectors = vectors;
    this.ownsData = ownsData;
  }

  static UringRequest read(int fd, long offset, ByteBuf into, int length) {
    return new UringRequest(READ, fd, offset, 0, into, 0, length, null, false);
  }

  static UringRequest write(int fd, long offset, ByteBuf data, int flags) {
    int index = data.readerIndex();
    int length = data.readableBytes();
    if (data.hasMemoryAddress()) {
      return new UringRequest(WRITE, fd, offset, flags, data, index, length, null, false);
    }
    Vectors vectors = Vectors.of(data.nioBufferCount());
    if (vectors.fill(data, index, length)) {
      return new UringRequest(WRITEV, fd, offset, flags, data, index, length, vectors, false);
    }
    ByteBuf copy = BufferIo.directCopy(data, index, length);
    return new UringRequest(WRITE, fd, offset, flags, copy, 0, length, null, true);
  }

  static UringRequest sync(int fd) {
    return new UringRequest(FSYNC, fd, 0, FSYNC_DATASYNC, null, 0, 0, null, false);
  }

  CompletableFuture<Void> result() {
    return result;
  }

  /** What is to be submitted next. */
  IoUringIoOps operation(long slot) {
    long address = 0;
    int length = left;
    if (vectors != null && data != null) {
      vectors.fill(data, index, left);
      address = vectors.address();
      length = vectors.count();
    } else if (data != null) {
      address = data.memoryAddress() + index;
    }
    return new IoUringIoOps(
        opcode, (byte) 0, (short) 0, fd, offset, address, length, flags, slot, (short) 0, (short) 0,
        0, 0);
  }

  /**
   * Takes a completion.
   *
   * @param answer bytes done, or the negative error number
   * @return false if there is more to submit
   */
  boolean advance(int answer) {
    if (answer == -Errno.EINTR || answer == -Errno.EAGAIN) {
      return false;
    }
    if (answer < 0) {
      end(new PosixException("io_uring " + name(), -answer));
      return true;
    }
    if (answer == 0 && left > 0) {
      end(BufferIo.endOfFile());
      return true;
    }
    offset += answer;
    index += answer;
    left -= answer;
    if (left > 0) {
      return false;
    }
    end(null);
    return true;
  }

  /** Ends the request. */
  void end(@Nullable Throwable failure) {
    if (ownsData && data != null) {
      data.release();
    }
    if (failure == null) {
      result.complete(null);
    } else {
      result.completeExceptionally(failure);
    }
  }

  private String name() {
    return switch (opcode) {
      case READ -> "read";
      case FSYNC -> "fdatasync";
      default -> "write";
    };
  }
}
