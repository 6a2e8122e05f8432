package dev.wherry.path.file;

import dev.wherry.path.io.BufferIo;
import dev.wherry.path.io.FileSystems;
import dev.wherry.path.io.Posix;
import dev.wherry.path.io.Residency;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;

/**
 * Reads on the event loop what the page cache has.
 *
 * <p>preadv2 with RWF_NOWAIT gives EAGAIN instead of waiting for a page, but on the way out it
 * starts to read ahead, and that may wait: for a slot in the device's queue, or for the file's own
 * block list. So a miss makes the reads that follow ask for residency first, until enough were
 * resident. tmpfs has no RWF_NOWAIT and needs none.
 */
final class InlineReads {
  /** Hits after a miss until reads are tried without asking. */
  private static final int CAUTION = 256;

  /** How reads are done on this file. */
  enum Way {
    /** Never on the event loop. */
    NONE,
    /** The kernel says what would wait. */
    NOWAIT,
    /** Memory holds it all. */
    MEMORY;

    /** What a file allows. Blocks. */
    static Way of(int fd) {
      if (FileSystems.inMemory(fd)) {
        return MEMORY;
      }
      return BufferIo.knowsNowait(fd) ? NOWAIT : NONE;
    }
  }

  private final int fd;
  private final Way way;
  private final int flags;
  private int caution;

  InlineReads(int fd, Way way) {
    this.fd = fd;
    this.way = way;
    this.flags = way == Way.NOWAIT ? Posix.RWF_NOWAIT : 0;
  }

  boolean tryRead(long offset, int length, ByteBuf into, Residency residency) {
    if (way == Way.NONE) {
      return false;
    }
    if (caution > 0 && way == Way.NOWAIT) {
      if (!residency.isResident(offset, length)) {
        caution = CAUTION;
        return false;
      }
      caution--;
    }
    if (!into.hasMemoryAddress()) {
      return tryReadAndCopy(offset, length, into);
    }
    into.ensureWritable(length);
    int index = into.writerIndex();
    if (BufferIo.readOnce(fd, offset, into, index, length, flags) != length) {
      caution = CAUTION;
      return false;
    }
    into.writerIndex(index + length);
    return true;
  }

  private boolean tryReadAndCopy(long offset, int length, ByteBuf into) {
    ByteBuf direct = ByteBufAllocator.DEFAULT.directBuffer(length);
    try {
      if (BufferIo.readOnce(fd, offset, direct, 0, length, flags) != length) {
        return false;
      }
      into.writeBytes(direct.writerIndex(length));
      return true;
    } finally {
      direct.release();
    }
  }
}
