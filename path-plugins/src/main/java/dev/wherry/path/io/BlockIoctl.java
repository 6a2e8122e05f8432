package dev.wherry.path.io;

import static dev.wherry.path.io.Libc.Loaded.LIBC;
import static dev.wherry.path.io.Libc.Loaded.RUNTIME;

import jnr.ffi.Memory;
import jnr.ffi.Pointer;

/** What block devices are asked and told by ioctl(2). Blocks. */
public final class BlockIoctl {
  private static final long BLKSSZGET = 0x1268;
  private static final long BLKGETSIZE64 = 0x80081272L;
  private static final long BLKDISCARD = 0x1277;
  private static final long BLKZEROOUT = 0x127f;

  private BlockIoctl() {}

  /** In bytes. */
  public static long size(int fd) throws PosixException {
    return ask(fd, BLKGETSIZE64).getLong(0);
  }

  /** Bytes of a logical sector: ranges of the calls below are multiples of it. */
  public static int sectorSize(int fd) throws PosixException {
    return ask(fd, BLKSSZGET).getInt(0);
  }

  /** Says that a range is not needed any more. */
  public static void discard(int fd, long offset, long length) throws PosixException {
    tell(fd, BLKDISCARD, offset, length);
  }

  /** Makes a range zero, by whatever the device has for it, writing included. */
  public static void zeroOut(int fd, long offset, long length) throws PosixException {
    tell(fd, BLKZEROOUT, offset, length);
  }

  private static Pointer ask(int fd, long request) throws PosixException {
    Pointer answer = Memory.allocateDirect(RUNTIME, 8, true);
    if (LIBC.ioctl(fd, request, answer.address()) < 0) {
      throw Posix.failed("ioctl");
    }
    return answer;
  }

  private static void tell(int fd, long request, long offset, long length) throws PosixException {
    Pointer range = Memory.allocateDirect(RUNTIME, 16);
    range.putLong(0, offset);
    range.putLong(8, length);
    if (LIBC.ioctl(fd, request, range.address()) < 0) {
      throw Posix.failed("ioctl");
    }
  }
}
