package dev.wherry.path;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.CompositeByteBuf;
import io.netty.buffer.Unpooled;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Random;

/** The same bytes in every kind of buffer that a caller may lend. */
public enum TestBuffers {
  DIRECT {
    @Override
    public ByteBuf of(byte[] bytes) {
      return Unpooled.directBuffer(Math.max(1, bytes.length)).writeBytes(bytes);
    }
  },
  HEAP {
    @Override
    public ByteBuf of(byte[] bytes) {
      return Unpooled.buffer(Math.max(1, bytes.length)).writeBytes(bytes);
    }
  },
  /** Indices that start in the middle. */
  OFFSET {
    @Override
    public ByteBuf of(byte[] bytes) {
      ByteBuf buffer = Unpooled.directBuffer(bytes.length + 20).writeZero(13).writeBytes(bytes);
      return buffer.readerIndex(13);
    }
  },
  COMPOSITE {
    @Override
    public ByteBuf of(byte[] bytes) {
      int third = bytes.length / 3;
      return Unpooled.wrappedBuffer(
          16,
          DIRECT.of(slice(bytes, 0, third)),
          DIRECT.of(slice(bytes, third, third * 2)),
          DIRECT.of(slice(bytes, third * 2, bytes.length)));
    }
  },
  /** Direct and heap memory in one. */
  MIXED {
    @Override
    public ByteBuf of(byte[] bytes) {
      int half = bytes.length / 2;
      return Unpooled.wrappedBuffer(
          16, DIRECT.of(slice(bytes, 0, half)), HEAP.of(slice(bytes, half, bytes.length)));
    }
  },
  /** More parts than one system call takes (1024), where there are that many bytes. */
  SHREDDED {
    @Override
    public ByteBuf of(byte[] bytes) {
      ByteBuffer memory = ByteBuffer.allocateDirect(bytes.length).put(bytes);
      int part = Math.max(1, bytes.length / 1500);
      CompositeByteBuf all = Unpooled.compositeBuffer(2000);
      for (int at = 0; at < bytes.length; at += part) {
        int run = Math.min(part, bytes.length - at);
        all.addComponent(true, Unpooled.wrappedBuffer(memory.slice(at, run)));
      }
      return all;
    }
  },
  READ_ONLY {
    @Override
    public ByteBuf of(byte[] bytes) {
      return DIRECT.of(bytes).asReadOnly();
    }
  };

  /** A buffer whose readable bytes are {@code bytes}; the caller releases it. */
  public abstract ByteBuf of(byte[] bytes);

  /** A random kind. */
  public static TestBuffers any(Random random) {
    return values()[random.nextInt(values().length)];
  }

  private static byte[] slice(byte[] bytes, int from, int to) {
    return Arrays.copyOfRange(bytes, from, to);
  }
}
