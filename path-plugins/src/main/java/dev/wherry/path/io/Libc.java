package dev.wherry.path.io;

import jnr.ffi.LibraryLoader;
import jnr.ffi.Pointer;
import jnr.ffi.Runtime;
import jnr.ffi.annotations.IgnoreError;
import org.jspecify.annotations.Nullable;

/**
 * The functions of libc that are called here, as it declares them on 64-bit Linux: {@code long}
 * stands for long, size_t, off_t and addresses. After a call errno is what {@link
 * jnr.ffi.LastError} says. Public because the code that implements it is generated elsewhere; use
 * {@link Posix}.
 */
public interface Libc {
  /** Loads once, about 0.2 s; holds no state. */
  final class Loaded {
    static final Libc LIBC = LibraryLoader.create(Libc.class).load("c");
    static final Quick QUICK = LibraryLoader.create(Quick.class).load("c");
    static final Runtime RUNTIME = Runtime.getRuntime(LIBC);

    private Loaded() {}
  }

  /** The calls of the event loop: they do not save errno, which is cheaper. */
  interface Quick {
    @IgnoreError
    long preadv2(int fd, long vectors, int count, long offset, int flags);

    @IgnoreError
    int mincore(long address, long length, long vector);

    @IgnoreError
    int getrusage(int who, long result);

    /** For cachestat, which libc does not have yet. */
    @IgnoreError
    long syscall(long number, int fd, long range, long result, int flags);
  }

  int open(String path, int flags, int mode);

  int close(int fd);

  long preadv2(int fd, long vectors, int count, long offset, int flags);

  long pwritev2(int fd, long vectors, int count, long offset, int flags);

  int fallocate(int fd, int mode, long offset, long length);

  long lseek(int fd, long offset, int whence);

  int fsync(int fd);

  int fdatasync(int fd);

  int ftruncate(int fd, long length);

  int statx(int directory, String path, int flags, int mask, long result);

  int fstatfs(int fd, long result);

  /** Returns the error number; errno is not set. */
  int posix_fadvise(int fd, long offset, long length, int advice);

  /**
   * With pointers, not numbers: for six numbers jnr-ffi 2.2.19 makes a stub on x86-64 that passes a
   * wrong sixth one, and mmap gives EINVAL.
   */
  Pointer mmap(
      @Nullable Pointer address, long length, int protection, int flags, int fd, long offset);

  int munmap(long address, long length);

  int fcntl(int fd, int command, long argument);

  int ioctl(int fd, long request, long argument);

  int getpagesize();

  int memfd_create(String name, int flags);
}
