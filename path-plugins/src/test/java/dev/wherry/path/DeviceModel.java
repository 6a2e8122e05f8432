package dev.wherry.path;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.nbd.Export;
import dev.wherry.nbd.Extent;
import dev.wherry.nbd.FileSlice;
import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.channels.Channels;
import java.nio.channels.WritableByteChannel;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * An export and the bytes that it should hold. Every request is made of both, one at a time, and
 * the answer compared; so are the rules about lent and handed-out buffers.
 */
public final class DeviceModel {
  private final Export device;
  private final byte[] bytes;

  public DeviceModel(Export device, int size) {
    this.device = device;
    this.bytes = new byte[size];
  }

  public void write(TestBuffers kind, int offset, byte[] data, int flags) throws Exception {
    ByteBuf lent = kind.of(data);
    int reader = lent.readerIndex();
    int writer = lent.writerIndex();
    await(device.write(offset, lent, flags));
    giveBack(lent, reader, writer);
    System.arraycopy(data, 0, bytes, offset, data.length);
  }

  /** As a server does: the attempt, and where that declines the plain method. */
  public void writeAsServer(TestBuffers kind, int offset, byte[] data) throws Exception {
    ByteBuf lent = kind.of(data);
    int reader = lent.readerIndex();
    int writer = lent.writerIndex();
    boolean done = device.tryWrite(offset, lent);
    assertEquals(reader, lent.readerIndex(), "reader index after tryWrite");
    assertEquals(writer, lent.writerIndex(), "writer index after tryWrite");
    if (!done) {
      await(device.write(offset, lent, 0));
    }
    giveBack(lent, reader, writer);
    System.arraycopy(data, 0, bytes, offset, data.length);
  }

  public void read(int offset, int length) throws Exception {
    ByteBuf buffer = await(device.read(offset, length));
    try {
      assertEquals(length, buffer.readableBytes(), "readable bytes of a read");
      same(offset, ByteBufUtil.getBytes(buffer), "read");
    } finally {
      assertTrue(buffer.release(), "a buffer that was read has one owner");
    }
  }

  /** Returns whether the attempt was accepted. */
  public boolean tryRead(int offset, int length, boolean heap) {
    ByteBuf into = heap ? Unpooled.buffer(length + 7) : Unpooled.directBuffer(length + 7);
    try {
      into.writeZero(7);
      boolean done = device.tryRead(offset, length, into);
      if (done) {
        assertEquals(7 + length, into.writerIndex(), "writer index after tryRead");
        same(offset, ByteBufUtil.getBytes(into, 7, length), "tryRead");
      } else {
        assertEquals(7, into.writerIndex(), "writer index after tryRead declined");
      }
      assertEquals(0, into.readerIndex());
      return done;
    } finally {
      assertTrue(into.release(), "tryRead keeps no reference");
    }
  }

  /** Returns whether the attempt was accepted. */
  public boolean trySend(int offset, int length) throws IOException {
    FileSlice region = device.trySend(offset, length);
    if (region == null) {
      return false;
    }
    try {
      assertEquals(length, region.count(), "length of a region");
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      WritableByteChannel channel = Channels.newChannel(out);
      while (region.transferred() < length) {
        assertTrue(region.transferTo(channel, region.transferred()) > 0, "a region is complete");
      }
      same(offset, out.toByteArray(), "trySend");
    } finally {
      assertTrue(region.release(), "a region has one owner");
    }
    return true;
  }

  /** Returns false where the device said that it cannot be done fast. */
  public boolean zero(int offset, int length, int flags) throws Exception {
    try {
      await(device.zero(offset, length, flags));
    } catch (NbdException e) {
      if ((flags & Export.FAST_ZERO) != 0 && e.error() == NbdError.ENOTSUP) {
        adopt(offset, length);
        return false;
      }
      throw e;
    }
    Arrays.fill(bytes, offset, offset + length, (byte) 0);
    return true;
  }

  /** Afterwards the range may hold anything, but always the same. */
  public void trim(int offset, int length, int flags) throws Exception {
    await(device.trim(offset, length, flags));
    adopt(offset, length);
    read(offset, length);
  }

  public void flush() throws Exception {
    await(device.flush());
  }

  public void cache(int offset, int length) throws Exception {
    await(device.cache(offset, length));
  }

  /** What is called zero must be zero; the answer must be in the range. */
  public void status(int offset, int length, int maxExtents) throws Exception {
    List<Extent> extents = await(device.status(Extent.BASE_ALLOCATION, offset, length, maxExtents));
    assertTrue(!extents.isEmpty(), "at least one extent");
    assertTrue(extents.size() <= maxExtents, "at most as many extents as asked for");
    long at = offset;
    for (Extent extent : extents) {
      long end = at + extent.length();
      assertTrue(end <= (long) offset + length, "extents end within the range");
      if ((extent.flags() & Extent.ZERO) != 0) {
        for (int i = (int) at; i < end; i++) {
          assertEquals(0, bytes[i], "byte " + i + " of an extent that is said to be zero");
        }
      }
      at = end;
    }
  }

  /** Compares everything. */
  public void readAll() throws Exception {
    int step = 1 << 20;
    for (int at = 0; at < bytes.length; at += step) {
      read(at, Math.min(step, bytes.length - at));
    }
  }

  /** Waits for a request, 30 s at most; throws what it failed with. */
  public static <T> T await(CompletableFuture<T> future) throws Exception {
    try {
      return future.get(60, TimeUnit.SECONDS);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof NbdException cause) {
        throw cause;
      }
      throw e;
    } catch (TimeoutException e) {
      throw new AssertionError("a request did not complete within 30 s", e);
    }
  }

  /** The error of a request that has to fail. */
  public static NbdError failureOf(CompletableFuture<?> future) throws Exception {
    try {
      Object result = future.get(60, TimeUnit.SECONDS);
      throw new AssertionError("succeeded with " + result + " where it had to fail");
    } catch (ExecutionException e) {
      return NbdException.errorOf(e.getCause());
    }
  }

  private void adopt(int offset, int length) throws Exception {
    ByteBuf now = await(device.read(offset, length));
    now.getBytes(now.readerIndex(), bytes, offset, length);
    now.release();
  }

  private static void giveBack(ByteBuf lent, int reader, int writer) {
    assertEquals(reader, lent.readerIndex(), "reader index of a lent buffer");
    assertEquals(writer, lent.writerIndex(), "writer index of a lent buffer");
    assertEquals(1, lent.refCnt(), "references to a lent buffer after completion");
    assertTrue(lent.release());
  }

  private void same(int offset, byte[] actual, String how) {
    int wrong = Arrays.mismatch(bytes, offset, offset + actual.length, actual, 0, actual.length);
    if (wrong >= 0) {
      throw new AssertionError(
          String.format(
              "%s of %d+%d: byte %d is %d where %d was written",
              how, offset, actual.length, offset + wrong, actual[wrong], bytes[offset + wrong]));
    }
  }
}
