package dev.wherry.path.file;

import dev.wherry.nbd.Extent;
import dev.wherry.path.io.BlockIoctl;
import dev.wherry.path.io.Errno;
import dev.wherry.path.io.Posix;
import dev.wherry.path.io.PosixException;
import java.util.List;

/**
 * A block device of this host, used through the page cache. Discards and zeroes are given to the
 * device for the whole pages inside a range, because the kernel drops the pages that such a range
 * touches; the edges of a zeroed range are written, those of a trimmed one are left alone.
 */
final class BlockNode implements Medium {
  private final int fd;
  private final long unit;
  private final long size;
  private volatile boolean discards = true;
  private volatile boolean punches = true;
  private volatile boolean zeroes = true;

  BlockNode(int fd, long size) throws PosixException {
    this.fd = fd;
    this.size = size;
    this.unit = Math.max(Posix.pageSize(), BlockIoctl.sectorSize(fd));
  }

  @Override
  public void trim(long offset, long length) throws PosixException {
    long start = up(offset);
    long end = down(offset + length);
    if (discards && start < end) {
      try {
        BlockIoctl.discard(fd, start, end - start);
      } catch (PosixException e) {
        discards = supported(e);
      }
    }
  }

  @Override
  public void zero(long offset, long length, boolean mayPunch, boolean fast) throws PosixException {
    long limit = offset + length;
    long start = Math.min(limit, up(offset));
    long end = Math.max(start, down(limit));
    if (start < end) {
      zeroAligned(start, end - start, mayPunch, fast);
    }
    if (offset < start) {
      Zeroes.write(fd, offset, start - offset);
    }
    if (end < limit) {
      Zeroes.write(fd, end, limit - end);
    }
  }

  private void zeroAligned(long offset, long length, boolean mayPunch, boolean fast)
      throws PosixException {
    if (mayPunch && punches) {
      try {
        Posix.fallocate(fd, Posix.FALLOC_PUNCH_HOLE | Posix.FALLOC_KEEP_SIZE, offset, length);
        return;
      } catch (PosixException e) {
        punches = supported(e);
      }
    }
    if (fast) {
      throw new PosixException("fallocate", Errno.EOPNOTSUPP);
    }
    if (zeroes) {
      try {
        BlockIoctl.zeroOut(fd, offset, length);
        return;
      } catch (PosixException e) {
        zeroes = supported(e);
      }
    }
    Zeroes.write(fd, offset, length);
  }

  private static boolean supported(PosixException e) throws PosixException {
    if (!Errno.isUnsupported(e.errno())) {
      throw e;
    }
    return false;
  }

  private long up(long offset) {
    return (offset + unit - 1) / unit * unit;
  }

  private long down(long offset) {
    return offset / unit * unit;
  }

  @Override
  public List<Extent> extents(long offset, long length, int limit) {
    return List.of(new Extent(length, 0));
  }

  @Override
  public long nextData(long offset) {
    return offset;
  }

  @Override
  public long endOfData(long offset) {
    return size;
  }

  @Override
  public void resize(long newSize) throws PosixException {
    throw new PosixException("resize of a block device", Errno.EOPNOTSUPP);
  }

  @Override
  public boolean canFastZero() {
    return punches;
  }

  @Override
  public boolean sparse() {
    return false;
  }
}
