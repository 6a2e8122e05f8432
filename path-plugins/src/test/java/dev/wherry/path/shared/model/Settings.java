package dev.wherry.path.shared.model;

import dev.wherry.path.TestPolicies;
import dev.wherry.path.shared.BatchLog;
import dev.wherry.path.shared.Following;
import dev.wherry.path.shared.RangePolicy;
import dev.wherry.path.shared.WritePolicy;
import java.time.Duration;
import java.util.List;
import java.util.Random;

/**
 * What a schedule is like; all of it follows from the seed.
 *
 * @param nodes 2 or 3
 * @param size of the volume in bytes
 * @param blockSize of its map in bytes
 * @param shift of the cells
 * @param hosts per node
 * @param slots requests that a host has in flight
 * @param requests that all hosts make
 * @param thinkNanos between a host's requests
 * @param storeNanos that a store takes
 * @param linkNanos that a message takes
 * @param attempts how often a store's {@code try} methods do it
 * @param storeErrors how often a store's request fails
 * @param pace bytes per second of the background move at most
 * @param actions that the operator takes
 * @param accidents kills and power losses at any time
 * @param pointed kills at named points
 * @param cuts of links
 * @param power whether accidents are power losses, too
 * @param forced whether ownership is taken by force in the end
 * @param aged whether the volume was written before the schedule begins
 * @param stall whether hosts wait for a source that is away, under {@code through}
 */
record Settings(
    int nodes,
    int size,
    int blockSize,
    int shift,
    int hosts,
    int slots,
    int requests,
    long thinkNanos,
    long storeNanos,
    long linkNanos,
    double attempts,
    double storeErrors,
    long pace,
    int actions,
    int accidents,
    int pointed,
    int cuts,
    boolean power,
    boolean forced,
    boolean aged,
    Duration ioTimeout,
    String read,
    WritePolicy write,
    List<RangePolicy> ranges,
    boolean manual,
    boolean stall) {

  private static final List<String> READS = TestPolicies.NAMES;
  private static final WritePolicy[] WRITES = WritePolicy.values();

  static Settings of(Random random) {
    int blockSize = 4096 << random.nextInt(3);
    int size = blockSize * (4 + random.nextInt(13)) + (random.nextInt(3) == 0 ? 1536 : 0);
    boolean faults = random.nextInt(4) != 0;
    boolean power = random.nextBoolean();
    return new Settings(
        2 + random.nextInt(2),
        size,
        blockSize,
        random.nextInt(4) == 0 ? 16 + random.nextInt(200) : 0,
        1 + random.nextInt(2),
        1 + random.nextInt(3),
        60 + random.nextInt(240),
        pick(random, 50_000, 500_000, 3_000_000, 20_000_000),
        pick(random, 20_000, 200_000, 2_000_000),
        pick(random, 50_000, 500_000, 5_000_000, 40_000_000),
        random.nextBoolean() ? 0 : 0.5,
        random.nextInt(12) == 0 ? 0.002 : 0,
        pick(random, Long.MAX_VALUE, Long.MAX_VALUE, 1 << 20, 1 << 17),
        random.nextInt(8),
        faults ? random.nextInt(4) : 0,
        faults ? random.nextInt(4) : 0,
        faults ? random.nextInt(4) : 0,
        power,
        random.nextInt(12) == 0,
        random.nextInt(3) != 0,
        Duration.ofSeconds(3),
        // Most are what most people use.
        random.nextInt(3) == 0 ? READS.get(random.nextInt(READS.size())) : "move",
        random.nextInt(3) == 0 ? WRITES[random.nextInt(WRITES.length)] : WritePolicy.LOCAL,
        ranges(random, blockSize, size),
        random.nextInt(3) == 0,
        random.nextInt(4) == 0);
  }

  static List<RangePolicy> ranges(Random random, int blockSize, int size) {
    if (random.nextInt(5) != 0) {
      return List.of();
    }
    int blocks = size / blockSize;
    int from = random.nextInt(blocks);
    int length = 1 + random.nextInt(blocks - from);
    return List.of(
        new RangePolicy(
            (long) from * blockSize,
            (long) length * blockSize,
            READS.get(random.nextInt(READS.size()))));
  }

  /** The same with accidents at every turn. */
  Settings harsh() {
    return new Settings(
        nodes,
        size,
        blockSize,
        shift,
        hosts,
        slots,
        requests,
        thinkNanos,
        storeNanos,
        linkNanos,
        attempts,
        0,
        pace,
        actions,
        4,
        8,
        cuts,
        true,
        forced,
        aged,
        ioTimeout,
        read,
        write,
        ranges,
        manual,
        stall);
  }

  /** The same under another write policy at first. */
  Settings writing(WritePolicy policy) {
    return new Settings(
        nodes,
        size,
        blockSize,
        shift,
        hosts,
        slots,
        requests,
        thinkNanos,
        storeNanos,
        linkNanos,
        attempts,
        storeErrors,
        pace,
        actions,
        accidents,
        pointed,
        cuts,
        power,
        forced,
        aged,
        ioTimeout,
        read,
        policy,
        ranges,
        manual,
        stall);
  }

  private static long pick(Random random, long... values) {
    return values[random.nextInt(values.length)];
  }

  /** How the source follows on a node that keeps batches there. */
  Following following(BatchLog batches) {
    return new Following(
        batches, Duration.ofSeconds(1), stall, 3L * blockSize, Duration.ofMillis(200));
  }

  Cells cells() {
    return new Cells(size, shift);
  }
}
