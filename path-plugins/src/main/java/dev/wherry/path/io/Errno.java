package dev.wherry.path.io;

import dev.wherry.nbd.NbdError;

/** Error numbers of Linux, the same on all its 64-bit architectures. */
public final class Errno {
  public static final int EPERM = 1;
  public static final int ENOENT = 2;
  public static final int EINTR = 4;
  public static final int EIO = 5;
  public static final int ENXIO = 6;
  public static final int EAGAIN = 11;
  public static final int ENOMEM = 12;
  public static final int EACCES = 13;
  public static final int EBUSY = 16;
  public static final int ENOTDIR = 20;
  public static final int EINVAL = 22;
  public static final int ENOTTY = 25;
  public static final int EFBIG = 27;
  public static final int ENOSPC = 28;
  public static final int EROFS = 30;
  public static final int ENOSYS = 38;
  public static final int ELOOP = 40;
  public static final int ENODATA = 61;
  public static final int EOPNOTSUPP = 95;
  public static final int EDQUOT = 122;

  private Errno() {}

  /** What an NBD client is told. */
  public static NbdError toNbd(int errno) {
    return switch (errno) {
      case ENOSPC, EDQUOT, EFBIG -> NbdError.ENOSPC;
      case EPERM, EACCES, EROFS -> NbdError.EPERM;
      case ENOMEM -> NbdError.ENOMEM;
      case EOPNOTSUPP, ENOSYS, ENOTTY -> NbdError.ENOTSUP;
      default -> NbdError.EIO;
    };
  }

  /** True where the error says that the call does not exist for this file, not that it failed. */
  public static boolean isUnsupported(int errno) {
    return errno == EOPNOTSUPP || errno == ENOSYS || errno == ENOTTY || errno == EINVAL;
  }

  /** The words of strerror(3) for the errors that operators meet, else the number. */
  public static String text(int errno) {
    return switch (errno) {
      case EPERM -> "operation not permitted";
      case ENOENT -> "no such file or directory";
      case EIO -> "input/output error";
      case ENXIO -> "no such device";
      case EAGAIN -> "resource temporarily unavailable";
      case ENOMEM -> "out of memory";
      case EACCES -> "permission denied";
      case EBUSY -> "device or resource busy";
      case ENOTDIR -> "not a directory";
      case EINVAL -> "invalid argument";
      case EFBIG -> "file too large";
      case ENOSPC -> "no space left on device";
      case EROFS -> "read-only file system";
      case ELOOP -> "too many symbolic links";
      case EOPNOTSUPP -> "operation not supported";
      case EDQUOT -> "disk quota exceeded";
      default -> "error " + errno;
    };
  }
}
