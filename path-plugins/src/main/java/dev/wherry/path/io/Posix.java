package dev.wherry.path.io;

import static dev.wherry.path.io.Libc.Loaded.LIBC;
import static dev.wherry.path.io.Libc.Loaded.RUNTIME;

import java.nio.file.Path;
import jnr.ffi.LastError;
import jnr.ffi.Memory;
import jnr.ffi.Pointer;

/**
 * System calls on files that Java does not have. Offsets and lengths in bytes. All may block except
 * where noted, and throw {@link PosixException} when the call fails.
 */
public final class Posix {
  public static final int O_RDONLY = 0;
  public static final int O_RDWR = 2;
  public static final int O_CREAT = 0100;
  public static final int O_EXCL = 0200;
  public static final int O_CLOEXEC = 02000000;

  /** Reads do not change the access time; only for the file's owner (else EPERM). */
  public static final int O_NOATIME = 01000000;

  /** pwritev2: durable, with what is needed to find it, before the call returns. */
  public static final int RWF_DSYNC = 2;

  /** preadv2, pwritev2: fail with EAGAIN instead of waiting. */
  public static final int RWF_NOWAIT = 8;

  public static final int FALLOC_KEEP_SIZE = 1;
  public static final int FALLOC_PUNCH_HOLE = 2;
  public static final int FALLOC_ZERO_RANGE = 0x10;

  private static final int MFD_CLOEXEC = 1;
  private static final int SEEK_DATA = 3;
  private static final int SEEK_HOLE = 4;
  private static final int POSIX_FADV_WILLNEED = 3;
  private static final int AT_FDCWD = -100;
  private static final int AT_EMPTY_PATH = 0x1000;
  private static final int STATX_BASIC_STATS = 0x7ff;

  private Posix() {}

  /** Opens a file, never truncating it; the descriptor is not inherited by child processes. */
  public static int open(Path path, int flags) throws PosixException {
    int fd = LIBC.open(path.toString(), flags | O_CLOEXEC, 0600);
    if (fd < 0) {
      throw failed("open");
    }
    return fd;
  }

  /** Opens a file that is memory only and gone with its last user. Does not block. */
  public static int memory(String name) throws PosixException {
    int fd = LIBC.memfd_create(name, MFD_CLOEXEC);
    if (fd < 0) {
      throw failed("memfd_create");
    }
    return fd;
  }

  public static void close(int fd) throws PosixException {
    if (LIBC.close(fd) < 0) {
      throw failed("close");
    }
  }

  /** Follows symbolic links. */
  public static FileStat stat(Path path) throws PosixException {
    return statx(AT_FDCWD, path.toString(), 0);
  }

  public static FileStat stat(int fd) throws PosixException {
    return statx(fd, "", AT_EMPTY_PATH);
  }

  /**
   *
   *
   * <pre>
   * struct statx: 0 mask u32, 28 mode u16, 40 size u64, 48 blocks u64 (of 512 bytes),
   *               128 rdev major u32, 132 rdev minor u32, 136 dev major u32, 140 dev minor u32
   * </pre>
   */
  private static FileStat statx(int directory, String path, int flags) throws PosixException {
    Pointer at = Memory.allocateDirect(RUNTIME, 256, true);
    if (LIBC.statx(directory, path, flags, STATX_BASIC_STATS, at.address()) < 0) {
      throw failed("stat");
    }
    int mode = at.getShort(28) & 0xffff;
    int node = (mode & 0170000) == 0060000 ? 128 : 136;
    return new FileStat(
        mode, at.getLong(40), at.getLong(48) * 512, at.getInt(node), at.getInt(node + 4));
  }

  /** The magic number of the file system that holds the file. */
  public static long fileSystem(int fd) throws PosixException {
    Pointer at = Memory.allocateDirect(RUNTIME, 256, true);
    if (LIBC.fstatfs(fd, at.address()) < 0) {
      throw failed("fstatfs");
    }
    return at.getLong(0);
  }

  /** Changes the allocation of a range; {@code mode} from the FALLOC constants, 0 allocates. */
  public static void fallocate(int fd, int mode, long offset, long length) throws PosixException {
    while (LIBC.fallocate(fd, mode, offset, length) < 0) {
      int errno = errno();
      if (errno != Errno.EINTR) {
        throw new PosixException("fallocate", errno);
      }
    }
  }

  public static void truncate(int fd, long length) throws PosixException {
    if (LIBC.ftruncate(fd, length) < 0) {
      throw failed("ftruncate");
    }
  }

  /** The first byte of data at or after {@code offset}; -1 if only a hole follows. */
  public static long seekData(int fd, long offset) throws PosixException {
    return seek(fd, offset, SEEK_DATA);
  }

  /** The first byte of a hole at or after {@code offset}; the end of a file counts as one. */
  public static long seekHole(int fd, long offset) throws PosixException {
    return seek(fd, offset, SEEK_HOLE);
  }

  private static long seek(int fd, long offset, int whence) throws PosixException {
    long found = LIBC.lseek(fd, offset, whence);
    if (found < 0) {
      int errno = errno();
      if (errno == Errno.ENXIO) {
        return -1;
      }
      throw new PosixException("lseek", errno);
    }
    return found;
  }

  /** Makes data durable, and of the metadata what is needed to read it. Never retried. */
  public static void fdatasync(int fd) throws PosixException {
    if (LIBC.fdatasync(fd) < 0) {
      throw failed("fdatasync");
    }
  }

  /** Makes data and metadata durable; of a directory, its entries. */
  public static void fsync(int fd) throws PosixException {
    if (LIBC.fsync(fd) < 0) {
      throw failed("fsync");
    }
  }

  /** Starts to read a range into the page cache. */
  public static void willNeed(int fd, long offset, long length) throws PosixException {
    int errno = LIBC.posix_fadvise(fd, offset, length, POSIX_FADV_WILLNEED);
    if (errno != 0) {
      throw new PosixException("posix_fadvise", errno);
    }
  }

  /** Does not block. */
  public static int pageSize() {
    return LIBC.getpagesize();
  }

  static int errno() {
    return LastError.getLastError(RUNTIME);
  }

  static PosixException failed(String call) {
    return new PosixException(call, errno());
  }
}
