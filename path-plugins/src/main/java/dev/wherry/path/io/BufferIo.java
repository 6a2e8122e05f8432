package dev.wherry.path.io;

import static dev.wherry.path.io.Libc.Loaded.LIBC;
import static dev.wherry.path.io.Libc.Loaded.QUICK;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;

/**
 * Positional I/O between a Netty buffer and a descriptor, without a copy where the buffer is native
 * memory. The indices of the buffers are not touched.
 */
public final class BufferIo {
  private BufferIo() {}

  /**
   * Reads as much as one call gives into native memory.
   *
   * @param into has a memory address
   * @param flags 0 or {@link Posix#RWF_NOWAIT}
   * @return bytes, 0 at the end of the file, less than 0 for any error
   */
  public static long readOnce(int fd, long offset, ByteBuf into, int index, int length, int flags) {
    Vectors vectors = Vectors.local().one(into.memoryAddress() + index, length);
    return QUICK.preadv2(fd, vectors.address(), 1, offset, flags);
  }

  /**
   * Writes as much as one call takes. Buffers that are not native memory are copied.
   *
   * @param flags 0 or {@link Posix#RWF_NOWAIT}
   * @return bytes, or the negative error number
   */
  public static long writeOnce(int fd, long offset, ByteBuf data, int flags) {
    int index = data.readerIndex();
    int length = data.readableBytes();
    Vectors vectors = Vectors.local();
    if (vectors.fill(data, index, length)) {
      return writeOnce(fd, offset, vectors, flags);
    }
    ByteBuf copy = directCopy(data, index, length);
    try {
      return writeOnce(fd, offset, vectors.one(copy.memoryAddress(), length), flags);
    } finally {
      copy.release();
    }
  }

  private static long writeOnce(int fd, long offset, Vectors vectors, int flags) {
    long put = LIBC.pwritev2(fd, vectors.address(), vectors.count(), offset, flags);
    return put < 0 ? -Posix.errno() : put;
  }

  /** Does the file system know RWF_NOWAIT for reads? Reads a byte, if it is in memory. */
  public static boolean knowsNowait(int fd) {
    ByteBuf into = ByteBufAllocator.DEFAULT.directBuffer(1);
    try {
      Vectors vectors = Vectors.local().one(into.memoryAddress(), 1);
      return LIBC.preadv2(fd, vectors.address(), 1, 0, Posix.RWF_NOWAIT) >= 0
          || Posix.errno() == Errno.EAGAIN;
    } finally {
      into.release();
    }
  }

  /**
   * Reads exactly {@code length} bytes. Blocks.
   *
   * @param into has a memory address
   * @throws PosixException EIO where the file ends before
   */
  public static void read(int fd, long offset, ByteBuf into, int index, int length)
      throws PosixException {
    Vectors vectors = Vectors.local();
    int done = 0;
    while (done < length) {
      vectors.one(into.memoryAddress() + index + done, length - done);
      long got = LIBC.preadv2(fd, vectors.address(), 1, offset + done, 0);
      if (got == 0) {
        throw endOfFile();
      }
      if (got > 0) {
        done += (int) got;
      } else {
        throwUnlessInterrupted("preadv2");
      }
    }
  }

  /**
   * Writes exactly {@code length} bytes of {@code data} from {@code index} on. Blocks.
   *
   * @param flags 0 or {@link Posix#RWF_DSYNC}
   */
  public static void write(int fd, long offset, ByteBuf data, int index, int length, int flags)
      throws PosixException {
    Vectors vectors = Vectors.local();
    int done = 0;
    while (done < length) {
      if (!vectors.fill(data, index + done, length - done)) {
        ByteBuf copy = directCopy(data, index + done, length - done);
        try {
          write(fd, offset + done, copy, copy.readerIndex(), length - done, flags);
        } finally {
          copy.release();
        }
        return;
      }
      long put = LIBC.pwritev2(fd, vectors.address(), vectors.count(), offset + done, flags);
      if (put == 0) {
        throw new PosixException("pwritev2", Errno.EIO);
      }
      if (put > 0) {
        done += (int) put;
      } else {
        throwUnlessInterrupted("pwritev2");
      }
    }
  }

  /** A copy with a memory address; the caller releases it. */
  static ByteBuf directCopy(ByteBuf data, int index, int length) {
    return ByteBufAllocator.DEFAULT.directBuffer(length).writeBytes(data, index, length);
  }

  static PosixException endOfFile() {
    return new PosixException("the file is shorter than it was", Errno.EIO);
  }

  private static void throwUnlessInterrupted(String call) throws PosixException {
    int errno = Posix.errno();
    if (errno != Errno.EINTR) {
      throw new PosixException(call, errno);
    }
  }
}
