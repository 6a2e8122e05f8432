package dev.wherry.path.file;

import dev.wherry.nbd.Extent;
import dev.wherry.path.io.Errno;
import dev.wherry.path.io.Posix;
import dev.wherry.path.io.PosixException;
import java.util.ArrayList;
import java.util.List;

/**
 * A file of a file system: holes are punched, and found with SEEK_HOLE and SEEK_DATA. What the file
 * system lacks is noticed when it says so, once.
 */
final class RegularFile implements Medium {
  /** How long one answer to "where are the holes" may be looked for. */
  private static final long SEARCH_NANOS = 100_000_000;

  private final int fd;
  private volatile boolean punches;
  private volatile boolean zeroesRanges = true;
  private volatile boolean seeks = true;

  /**
   * @param size of the file; a hole punched beyond it changes nothing, but says if holes can be
   */
  RegularFile(int fd, long size, boolean readOnly) {
    this.fd = fd;
    this.punches = !readOnly && canPunch(fd, size);
  }

  private static boolean canPunch(int fd, long size) {
    long beyond = Math.min(size, Long.MAX_VALUE - (1 << 20)) / 4096 * 4096 + 4096;
    try {
      Posix.fallocate(fd, Posix.FALLOC_PUNCH_HOLE | Posix.FALLOC_KEEP_SIZE, beyond, 4096);
      return true;
    } catch (PosixException e) {
      return !Errno.isUnsupported(e.errno()) && e.errno() != Errno.EFBIG;
    }
  }

  @Override
  public void trim(long offset, long length) throws PosixException {
    punch(offset, length);
  }

  @Override
  public void zero(long offset, long length, boolean mayPunch, boolean fast) throws PosixException {
    if (mayPunch && punch(offset, length)) {
      return;
    }
    if (zeroRange(offset, length)) {
      return;
    }
    if (fast) {
      throw new PosixException("fallocate", Errno.EOPNOTSUPP);
    }
    allocate(offset, length);
    Zeroes.write(fd, offset, length);
  }

  private boolean punch(long offset, long length) throws PosixException {
    if (punches) {
      try {
        Posix.fallocate(fd, Posix.FALLOC_PUNCH_HOLE | Posix.FALLOC_KEEP_SIZE, offset, length);
      } catch (PosixException e) {
        punches = supported(e);
      }
    }
    return punches;
  }

  private boolean zeroRange(long offset, long length) throws PosixException {
    if (zeroesRanges) {
      try {
        Posix.fallocate(fd, Posix.FALLOC_ZERO_RANGE | Posix.FALLOC_KEEP_SIZE, offset, length);
      } catch (PosixException e) {
        zeroesRanges = supported(e);
      }
    }
    return zeroesRanges;
  }

  /** Books the space first, so that a full disk is found before anything is overwritten. */
  private void allocate(long offset, long length) throws PosixException {
    try {
      Posix.fallocate(fd, Posix.FALLOC_KEEP_SIZE, offset, length);
    } catch (PosixException e) {
      supported(e);
    }
  }

  /** False if the call is not supported; throws what is a failure. */
  private static boolean supported(PosixException e) throws PosixException {
    if (!Errno.isUnsupported(e.errno())) {
      throw e;
    }
    return false;
  }

  @Override
  public List<Extent> extents(long offset, long length, int limit) throws PosixException {
    List<Extent> found = new ArrayList<>();
    long deadline = System.nanoTime() + SEARCH_NANOS;
    long end = offset + length;
    long at = offset;
    while (at < end && found.size() < limit && (at == offset || System.nanoTime() < deadline)) {
      long data = Math.min(end, nextData(at));
      if (data > at) {
        found.add(new Extent(data - at, Extent.HOLE | Extent.ZERO));
        at = data;
      } else {
        long hole = Math.min(end, endOfData(at));
        // A hole that was made in between: an extent of data is always a safe answer.
        hole = hole > at ? hole : Math.min(end, at + 1);
        found.add(new Extent(hole - at, 0));
        at = hole;
      }
    }
    return Runs.merged(found);
  }

  @Override
  public long nextData(long offset) throws PosixException {
    if (!seeks) {
      return offset;
    }
    try {
      long data = Posix.seekData(fd, offset);
      return data < 0 ? Long.MAX_VALUE : data;
    } catch (PosixException e) {
      seeks = supported(e);
      return offset;
    }
  }

  @Override
  public long endOfData(long offset) throws PosixException {
    if (!seeks) {
      return Long.MAX_VALUE;
    }
    long hole = Posix.seekHole(fd, offset);
    return hole < 0 ? offset : hole;
  }

  @Override
  public void resize(long size) throws PosixException {
    Posix.truncate(fd, size);
  }

  @Override
  public boolean canFastZero() {
    return punches;
  }

  @Override
  public boolean sparse() {
    return true;
  }
}
