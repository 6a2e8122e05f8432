package dev.wherry.daemon;

import dev.wherry.nbd.NbdUri;
import dev.wherry.nbd.client.NbdClient;
import dev.wherry.nbd.client.NbdClientOptions;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.EventLoopGroup;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A host of a {@link Rehearsal}, attached by NBD: while it runs it has a few requests under way,
 * mostly small writes. Methods block, and throw if a request has failed.
 */
final class RehearsalHost {
  private static final Duration LIMIT = Duration.ofSeconds(5);
  private static final int AT_ONCE = 2;
  private static final int BLOCK = 4096;
  private static final int LONG = 16 * BLOCK;
  private static final NbdClientOptions OPTIONS =
      NbdClientOptions.DEFAULTS.withIoTimeout(LIMIT).withConnections(1);

  private final NbdClient client;
  private final long size;
  private final AtomicInteger answered = new AtomicInteger();
  private volatile boolean running;
  private CompletableFuture<Void> requests = CompletableFuture.completedFuture(null);

  private RehearsalHost(NbdClient client) {
    this.client = client;
    this.size = client.info().size();
  }

  /**
   * Attaches it.
   *
   * @param socket of the volume alone
   */
  static RehearsalHost attach(Path socket, EventLoopGroup loops) {
    return new RehearsalHost(await(NbdClient.connect(NbdUri.unix(socket, ""), OPTIONS, loops)));
  }

  /** Begins to make requests; it does not already. */
  void run() {
    running = true;
    CompletableFuture<?>[] lanes = new CompletableFuture<?>[AT_ONCE];
    for (int i = 0; i < AT_ONCE; i++) {
      CompletableFuture<Void> lane = new CompletableFuture<>();
      lanes[i] = lane;
      next(lane, i);
    }
    requests = CompletableFuture.allOf(lanes);
  }

  /** Makes no more requests; those under way are answered when this returns. */
  void pause() {
    running = false;
    await(requests);
  }

  /** How many of its requests were answered so far. Never blocks. */
  int answered() {
    return answered.get();
  }

  void detach() {
    running = false;
    await(client.close());
  }

  private void next(CompletableFuture<Void> lane, int n) {
    if (!running) {
      lane.complete(null);
      return;
    }
    // Answered on the event loop, and never before this returns, unless it fails.
    request(n)
        .whenComplete(
            (v, failure) -> {
              if (failure != null) {
                lane.completeExceptionally(failure);
              } else {
                answered.incrementAndGet();
                next(lane, n + 1);
              }
            });
  }

  private CompletableFuture<?> request(int n) {
    long offset = ThreadLocalRandom.current().nextLong((size - LONG) / BLOCK) * BLOCK;
    return switch (n % 64) {
      case 3 -> client.read(offset, BLOCK).thenAccept(ByteBuf::release);
      case 5 -> client.zero(offset, BLOCK, 0);
      case 7 -> client.trim(offset, BLOCK, 0);
      case 9 -> write(offset, LONG);
      case 11 -> client.flush();
      default -> write(offset, BLOCK);
    };
  }

  private CompletableFuture<Void> write(long offset, int length) {
    byte[] data = new byte[length];
    ThreadLocalRandom.current().nextBytes(data);
    return client.write(offset, Unpooled.wrappedBuffer(data), 0);
  }

  private static <T> T await(CompletableFuture<T> f) {
    return f.orTimeout(LIMIT.toMillis(), TimeUnit.MILLISECONDS).join();
  }
}
