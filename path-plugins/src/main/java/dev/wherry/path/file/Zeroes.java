package dev.wherry.path.file;

import dev.wherry.path.io.BufferIo;
import dev.wherry.path.io.PosixException;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;

/** Zeroes that have to be written because nothing cheaper exists. Blocks. */
final class Zeroes {
  private static final int STEP = 1 << 20;

  private Zeroes() {}

  static void write(int fd, long offset, long length) throws PosixException {
    int step = (int) Math.min(STEP, length);
    ByteBuf zeroes = ByteBufAllocator.DEFAULT.directBuffer(step).writeZero(step);
    try {
      for (long done = 0; done < length; done += step) {
        int run = (int) Math.min(step, length - done);
        BufferIo.write(fd, offset + done, zeroes, 0, run, 0);
      }
    } finally {
      zeroes.release();
    }
  }
}
