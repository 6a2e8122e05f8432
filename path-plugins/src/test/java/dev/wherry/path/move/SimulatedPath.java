package dev.wherry.path.move;

import dev.wherry.nbd.Extent;
import dev.wherry.path.link.Priority;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A source behind a path with a round trip and a rate: what it sends waits in one queue, first come
 * first served, whoever asked for it.
 */
final class SimulatedPath implements Hydrator {
  final VirtualTime time;
  final int blockSize;
  final long blocks;
  final Runs missing = new Runs();
  final Runs data = new Runs();
  final Random random = new Random(42);

  long roundTrip;
  double bytesPerSecond;

  /** Up to so much is added to each answer, by chance. */
  long jitter;

  /** Whether the link knows its own round trip. */
  boolean known = true;

  /** Asked before each request; a failure that it gives is the answer. */
  Function<Errand.Kind, @Nullable RuntimeException> fault = kind -> null;

  long freeAt;
  int onWay;
  int mostOnWay;
  int hydrations;
  int zeroCalls;
  int questions;
  int settles;
  long fetched;
  long largest;
  long notedAsData;

  /** Blocks that were looked through for one that is missing. */
  long looked;

  /** When each piece was asked for, and its bytes. */
  final List<long[]> asked = new ArrayList<>();

  SimulatedPath(VirtualTime time, int blockSize, long blocks) {
    this.time = time;
    this.blockSize = blockSize;
    this.blocks = blocks;
    missing.add(0, blocks);
  }

  SimulatedPath path(long roundTripNanos, double rate) {
    roundTrip = roundTripNanos;
    bytesPerSecond = rate;
    return this;
  }

  SimulatedPath allData() {
    data.add(0, blocks);
    return this;
  }

  /** Takes the path's queue for so many bytes; when the answer is here. */
  long carry(long bytes) {
    long reaches = time.now() + roundTrip / 2;
    freeAt = Math.max(freeAt, reaches) + (long) (bytes * 1e9 / bytesPerSecond);
    long late = jitter == 0 ? 0 : (long) (random.nextDouble() * jitter);
    return freeAt + roundTrip / 2 + late;
  }

  private <T> CompletableFuture<T> answer(Errand.Kind kind, long bytes, Supplier<T> value) {
    CompletableFuture<T> f = new CompletableFuture<>();
    onWay++;
    mostOnWay = Math.max(mostOnWay, onWay);
    RuntimeException failure = fault.apply(kind);
    time.at(
        carry(failure == null ? bytes : 0),
        () -> {
          onWay--;
          if (failure == null) {
            f.complete(value.get());
          } else {
            f.completeExceptionally(failure);
          }
        });
    return f;
  }

  @Override
  public int blockSize() {
    return blockSize;
  }

  @Override
  public long blocks() {
    return blocks;
  }

  @Override
  public long nextMissing(long from) {
    long next = missing.next(from);
    long found = next < 0 ? blocks : next;
    looked += found - from;
    return found;
  }

  @Override
  public long missingEnd(long from, long end) {
    return Math.min(missing.end(from), end);
  }

  @Override
  public long missing() {
    return missing.size();
  }

  @Override
  public CompletableFuture<List<Extent>> extents(long from, long end) {
    questions++;
    return answer(
        Errand.Kind.EXTENTS,
        0,
        () -> {
          List<Extent> list = new ArrayList<>();
          long at = from;
          while (at < end && list.size() < 2048) {
            long next = data.next(at);
            boolean isData = next == at;
            long to = isData ? data.end(at) : next < 0 ? end : next;
            to = Math.min(to, end);
            list.add(new Extent((to - at) * blockSize, isData ? 0 : Extent.ZERO));
            at = to;
          }
          return list;
        });
  }

  @Override
  public CompletableFuture<Long> hydrate(long from, long end, Priority priority) {
    long bytes = (end - from) * blockSize;
    hydrations++;
    largest = Math.max(largest, bytes);
    asked.add(new long[] {time.now(), bytes});
    return answer(
        Errand.Kind.DATA,
        bytes,
        () -> {
          long before = missing.size();
          missing.remove(from, end);
          long came = (before - missing.size()) * blockSize;
          fetched += came;
          return came;
        });
  }

  @Override
  public CompletableFuture<Void> hydrateZero(long from, long end) {
    zeroCalls++;
    RuntimeException failure = fault.apply(Errand.Kind.ZERO);
    if (failure != null) {
      return CompletableFuture.failedFuture(failure);
    }
    long dataAt = data.next(from);
    if (dataAt >= 0 && dataAt < end) {
      notedAsData++;
    }
    missing.remove(from, end);
    return CompletableFuture.completedFuture(null);
  }

  @Override
  public CompletableFuture<Void> settle() {
    settles++;
    return answer(Errand.Kind.SETTLE, 0, () -> null);
  }

  @Override
  public long roundTripNanos() {
    return known ? roundTrip : 0;
  }
}
