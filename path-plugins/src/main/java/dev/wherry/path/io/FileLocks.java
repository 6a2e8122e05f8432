package dev.wherry.path.io;

import static dev.wherry.path.io.Libc.Loaded.LIBC;
import static dev.wherry.path.io.Libc.Loaded.RUNTIME;

import jnr.ffi.Memory;
import jnr.ffi.Pointer;
import org.jspecify.annotations.Nullable;

/**
 * Open file description locks, which say to every other program that asks that an image is in use.
 * They belong to the descriptor and go with it, unlike fcntl's older locks, which a process loses
 * when it closes any descriptor of the file.
 *
 * <p>A writer locks the whole file. A reader locks the two bytes by which QEMU says "I read" (100)
 * and "nobody else may write" (201) and looks whether somebody locked the one for "I write" (101),
 * so that we and QEMU keep out of each other's way as two QEMUs would.
 */
public final class FileLocks {
  private static final int F_OFD_GETLK = 36;
  private static final int F_OFD_SETLK = 37;
  private static final short F_RDLCK = 0;
  private static final short F_WRLCK = 1;
  private static final short F_UNLCK = 2;
  private static final long QEMU_READS = 100;
  private static final long QEMU_WRITES = 101;
  private static final long QEMU_SHARES_NO_WRITE = 201;

  private FileLocks() {}

  /**
   * Takes the lock of a writer.
   *
   * @return false if somebody else has the file open
   */
  public static boolean lockForWriting(int fd) throws PosixException {
    return set(fd, F_WRLCK, 0, 0);
  }

  /**
   * Takes the lock of a reader, of which there can be many.
   *
   * @return false if somebody may be writing
   */
  public static boolean lockForReading(int fd) throws PosixException {
    Pointer found = call(fd, F_OFD_GETLK, F_WRLCK, QEMU_WRITES, 1);
    return found != null
        && found.getShort(0) == F_UNLCK
        && set(fd, F_RDLCK, QEMU_READS, 1)
        && set(fd, F_RDLCK, QEMU_SHARES_NO_WRITE, 1);
  }

  private static boolean set(int fd, short type, long start, long length) throws PosixException {
    return call(fd, F_OFD_SETLK, type, start, length) != null;
  }

  /**
   *
   *
   * <pre>
   * struct flock: 0 type s16, 2 whence s16, 8 start s64, 16 length s64, 24 pid s32
   * </pre>
   */
  private static @Nullable Pointer call(int fd, int command, short type, long start, long length)
      throws PosixException {
    Pointer lock = Memory.allocateDirect(RUNTIME, 32, true);
    lock.putShort(0, type);
    lock.putLong(8, start);
    lock.putLong(16, length);
    if (LIBC.fcntl(fd, command, lock.address()) == 0) {
      return lock;
    }
    int errno = Posix.errno();
    if (errno == Errno.EAGAIN || errno == Errno.EACCES) {
      return null;
    }
    throw new PosixException("fcntl(F_OFD_SETLK)", errno);
  }
}
