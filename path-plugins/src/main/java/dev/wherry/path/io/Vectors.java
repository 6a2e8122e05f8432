package dev.wherry.path.io;

import static dev.wherry.path.io.Libc.Loaded.RUNTIME;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.CompositeByteBuf;
import io.netty.util.concurrent.FastThreadLocal;
import java.nio.ByteBuffer;
import jnr.ffi.Memory;
import jnr.ffi.Pointer;

/**
 * An array of {@code struct iovec} in native memory, that is filled anew for every call. System
 * calls use one per thread; a request to io_uring has its own, that lives as long as it does.
 *
 * <pre>
 * 0  address  u64
 * 8  length   u64, then the next one
 * </pre>
 */
final class Vectors {
  /** IOV_MAX of Linux. */
  private static final int LIMIT = 1024;

  private static final FastThreadLocal<Vectors> LOCAL =
      new FastThreadLocal<>() {
        @Override
        protected Vectors initialValue() {
          return new Vectors(LIMIT);
        }
      };

  private final Pointer memory;
  private final long address;
  private final int limit;
  private int count;

  private Vectors(int limit) {
    this.limit = limit;
    this.memory = Memory.allocateDirect(RUNTIME, limit * 16);
    this.address = memory.address();
  }

  /** An array that can hold {@code parts}, or as many as a call can take. */
  static Vectors of(int parts) {
    return new Vectors(Math.min(LIMIT, Math.max(1, parts)));
  }

  static Vectors local() {
    return LOCAL.get();
  }

  long address() {
    return address;
  }

  /** How many entries are filled. */
  int count() {
    return count;
  }

  /** Points at one run of memory. */
  Vectors one(long start, long length) {
    memory.putLong(0, start);
    memory.putLong(8, length);
    count = 1;
    return this;
  }

  /**
   * Points at as much of a range of a buffer as the array can hold.
   *
   * @return false if a part of the buffer is not native memory
   */
  boolean fill(ByteBuf buffer, int index, int length) {
    count = 0;
    if (buffer.hasMemoryAddress()) {
      one(buffer.memoryAddress() + index, length);
      return true;
    }
    return buffer instanceof CompositeByteBuf composite
        ? fillFromParts(composite, index, length)
        : fillFromNio(buffer.nioBuffers(index, length));
  }

  private boolean fillFromParts(CompositeByteBuf buffer, int index, int length) {
    int end = index + length;
    int at = index;
    for (int part = buffer.toComponentIndex(index); at < end && count < limit; part++) {
      ByteBuf memoryOfPart = buffer.internalComponent(part);
      int start = buffer.toByteIndex(part);
      int run = Math.min(end, start + memoryOfPart.capacity()) - at;
      if (run <= 0) {
        continue;
      }
      if (!memoryOfPart.hasMemoryAddress()) {
        return fillFromNio(buffer.nioBuffers(index, length));
      }
      add(memoryOfPart.memoryAddress() + at - start, run);
      at += run;
    }
    return true;
  }

  private boolean fillFromNio(ByteBuffer[] parts) {
    count = 0;
    for (int i = 0; i < parts.length && count < limit; i++) {
      ByteBuffer part = parts[i];
      if (!part.isDirect()) {
        return false;
      }
      if (part.hasRemaining()) {
        add(Pointer.wrap(RUNTIME, part).address() + part.position(), part.remaining());
      }
    }
    return true;
  }

  private void add(long start, long length) {
    memory.putLong(count * 16L, start);
    memory.putLong(count * 16L + 8, length);
    count++;
  }
}
