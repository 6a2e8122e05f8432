package dev.wherry.path.io;

import io.netty.buffer.ByteBuf;
import java.util.concurrent.CompletableFuture;

/**
 * Runs requests that would wait for a device. May be called on any thread and does not block it;
 * futures complete on a thread of the engine and fail with {@link PosixException}. Buffers are lent
 * until then and keep their indices.
 */
public interface IoEngine extends AutoCloseable {
  /** For metrics and messages. */
  String name();

  /**
   * Reads exactly {@code length} bytes to the start of {@code into}.
   *
   * @param into has a memory address and the capacity
   */
  CompletableFuture<Void> read(int fd, long offset, ByteBuf into, int length);

  /**
   * Writes all readable bytes.
   *
   * @param flags 0 or {@link Posix#RWF_DSYNC}
   */
  CompletableFuture<Void> write(int fd, long offset, ByteBuf data, int flags);

  /** fdatasync. */
  CompletableFuture<Void> sync(int fd);

  /** No request is in flight and none follows. */
  @Override
  void close();
}
