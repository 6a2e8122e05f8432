package dev.wherry.path.io;

import io.netty.channel.IoEvent;
import io.netty.channel.IoEventLoop;
import io.netty.channel.IoEventLoopGroup;
import io.netty.channel.IoRegistration;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.uring.IoUring;
import io.netty.channel.uring.IoUringIoEvent;
import io.netty.channel.uring.IoUringIoHandle;
import io.netty.channel.uring.IoUringIoHandler;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * One io_uring with its thread, for the file I/O of all devices. At most {@link #SLOTS} requests
 * are with the kernel; the others wait here, in order.
 */
final class UringRing implements IoUringIoHandle {
  /** What one disk keeps busy with; few enough for a completion queue never to overflow. */
  private static final int SLOTS = 256;

  private final IoEventLoopGroup group;
  private final IoEventLoop loop;
  private final IoRegistration registration;
  private final @Nullable UringRequest[] slots = new @Nullable UringRequest[SLOTS];
  private final ArrayDeque<Integer> free = new ArrayDeque<>(SLOTS);
  private final Queue<UringRequest> waiting = new ArrayDeque<>();

  /**
   * Blocks for a moment.
   *
   * @throws UnsupportedOperationException if the kernel or the container has no io_uring
   */
  UringRing() {
    if (!IoUring.isAvailable()) {
      throw new UnsupportedOperationException(
          "io_uring is not available here: " + IoUring.unavailabilityCause());
    }
    for (int slot = 0; slot < SLOTS; slot++) {
      free.add(slot);
    }
    group =
        new MultiThreadIoEventLoopGroup(
            1,
            new DefaultThreadFactory("file-uring", true, Thread.NORM_PRIORITY, oldest()),
            IoUringIoHandler.newFactory());
    try {
      loop = group.next();
      registration = loop.register(this).syncUninterruptibly().getNow();
    } catch (RuntimeException e) {
      shutdown();
      throw new UnsupportedOperationException("io_uring cannot be used here: " + e, e);
    }
  }

  /** All devices have this thread: it is of no group that ends before the process. */
  private static ThreadGroup oldest() {
    ThreadGroup group = Thread.currentThread().getThreadGroup();
    while (group.getParent() != null) {
      group = group.getParent();
    }
    return group;
  }

  /** Any thread; the future completes on the ring's. */
  CompletableFuture<Void> submit(UringRequest request) {
    try {
      loop.execute(() -> start(request));
    } catch (RuntimeException shutDown) {
      request.end(shutDown);
    }
    return request.result();
  }

  private void start(UringRequest request) {
    Integer slot = free.poll();
    if (slot == null) {
      waiting.add(request);
    } else {
      slots[slot] = request;
      registration.submit(request.operation(slot));
    }
  }

  @Override
  public void handle(IoRegistration own, IoEvent event) {
    IoUringIoEvent completion = (IoUringIoEvent) event;
    int slot = (int) completion.userData();
    UringRequest request = slots[slot];
    if (request == null) {
      throw new IllegalStateException("completion for the empty slot " + slot);
    }
    if (!request.advance(completion.res())) {
      registration.submit(request.operation(slot));
      return;
    }
    UringRequest next = waiting.poll();
    slots[slot] = next;
    if (next == null) {
      free.add(slot);
    } else {
      registration.submit(next.operation(slot));
    }
  }

  @Override
  public void close() {
    for (UringRequest left : waiting) {
      left.end(new IllegalStateException("the ring was closed"));
    }
    waiting.clear();
  }

  /** No request is in flight and none follows. Does not wait. */
  void shutdown() {
    group.shutdownGracefully(0, 10, TimeUnit.SECONDS);
  }
}
