package dev.wherry.path.io;

import dev.wherry.nbd.NbdException;
import java.io.IOException;

/** A system call that failed. Carries no stack trace: it can be an answer to a request. */
public final class PosixException extends IOException {
  private static final long serialVersionUID = 1;

  private final int errno;

  /**
   * @param call the name of the system call
   * @param errno one of {@link Errno}
   */
  public PosixException(String call, int errno) {
    super(call + ": " + Errno.text(errno));
    this.errno = errno;
  }

  public int errno() {
    return errno;
  }

  /** As a request's failure. */
  public NbdException toNbd(String what) {
    return new NbdException(Errno.toNbd(errno), what + ": " + getMessage(), this);
  }

  @Override
  public synchronized Throwable fillInStackTrace() {
    return this;
  }
}
