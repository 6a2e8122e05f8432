package dev.wherry.path.shared;

import dev.wherry.nbd.Extent;
import dev.wherry.path.BlockDevice;
import dev.wherry.path.TestPolicies;
import dev.wherry.path.fault.PowerLossDevice;
import dev.wherry.path.fault.PowerLossDevice.Loss;
import dev.wherry.path.link.Priority;
import dev.wherry.path.map.BlockMap;
import dev.wherry.path.map.JournaledMap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CompletableFuture;

/**
 * An owner, its source, a link that loses and a host: one thread, virtual time. What lies anywhere
 * says when it is from.
 */
final class FollowingWorld extends FollowingHost {
  private static final Loss[] LOSSES = {Loss.ALL, Loss.RANDOM, Loss.PREFIX};

  private final Latency latency;
  private final boolean through;
  private final PowerLossDevice ownerDisk;
  private final PowerLossDevice sourceDisk;
  private final ForgetfulBytes mapFile = new ForgetfulBytes();
  private final ForgetfulBytes batchFile = new ForgetfulBytes();
  private boolean whole = true;

  private MortalDevice ownerDevice;
  private MortalDevice sourceDevice;
  private MortalMapFile mapLife;
  private MortalBatchLog logLife;
  private LayeredStore source;
  private Receiver receiver;
  private SimLink link;

  FollowingWorld(long seed, boolean through, boolean stall) throws IOException {
    super(new Random(seed), stall);
    latency = new Latency(time, random);
    this.through = through;
    ownerDisk = new PowerLossDevice(SIZE, 1 << 30, seed + 1);
    sourceDisk = new PowerLossDevice(SIZE, 1 << 30, seed + 2);
    List<JournaledMap.Run> initial = new ArrayList<>();
    for (int u = 0; u < UNITS; u++) {
      put(sourceDisk, u, u + 1);
    }
    for (int b = 0; b < BLOCKS; b++) {
      int state = random.nextInt(3) == 0 ? BlockMap.NOT_HERE : BlockMap.SAME;
      initial.add(new JournaledMap.Run(b, b + 1, state));
      for (int u = b * 4; state == BlockMap.SAME && u < b * 4 + 4; u++) {
        put(ownerDisk, u, u + 1);
      }
    }
    sourceDisk.flush().join();
    ownerDisk.flush().join();
    JournaledMap.create(new MortalMapFile(mapFile), BLOCK, SIZE, initial, Runnable::run)
        .close()
        .join();
    mapFile.force();
    startSource();
    startOwner();
    begin();
  }

  private static void put(PowerLossDevice disk, int unit, long id) {
    ByteBuf data = units(id, 1);
    disk.write((long) unit * UNIT, data, 0).join();
    data.release();
  }

  // ------------------------------------------------------------------ lives

  private void startSource() {
    sourceDevice = new MortalDevice(sourceDisk, latency);
    logLife = new MortalBatchLog(batchFile, latency);
    source = new LayeredStore(sourceDevice, SIZE, BLOCK, null, policies());
    receiver = new Receiver(source, logLife);
    if (link != null) {
      link.to = receiver;
    }
  }

  private static Policies policies() {
    return new Policies(TestPolicies.SHIPPED, "pull", List.of(), BLOCK);
  }

  private void startOwner() throws IOException {
    ownerDevice = new MortalDevice(ownerDisk, latency);
    mapLife = new MortalMapFile(mapFile);
    BlockMap map =
        JournaledMap.open(
            mapLife,
            BLOCK,
            SIZE,
            (offset, into) -> {
              ByteBuf data = ownerDisk.read(offset, into.remaining()).join();
              data.readBytes(into);
              data.release();
            },
            time);
    owner = new LayeredStore(ownerDevice, SIZE, BLOCK, map, policies());
    link = new SimLink(latency, receiver);
    owner.source(new Reading(), null);
    NodeSink sink =
        new NodeSink(
            "source",
            "v",
            node -> Optional.of(link),
            () -> 1,
            Duration.ofSeconds(5),
            (name, epoch) -> {});
    Following following =
        new Following(null, Duration.ofSeconds(5), stall, 3 * BLOCK, Duration.ofSeconds(1));
    writer =
        new FollowingWriter(
            new FollowingWriter.Setup(
                "v",
                owner,
                sink,
                through,
                following,
                BLOCK,
                Duration.ofSeconds(20),
                time,
                time::now,
                () -> writer.flush()));
  }

  /** The source's store, as the owner reads it: no loss, so that reads do not fail. */
  private final class Reading implements Source {
    @Override
    public CompletableFuture<ByteBuf> fetch(long offset, int length, Priority priority) {
      return source.fetch("node:owner", offset, length, priority).thenApply(Fetched::data);
    }

    @Override
    public CompletableFuture<List<Extent>> extents(long offset, long length) {
      return CompletableFuture.completedFuture(List.of(new Extent(length, 0)));
    }

    @Override
    public String describe() {
      return "node:source";
    }
  }

  /** From here on the history is anew: what the owner has is where it begins. */
  private void begin() {
    // What it begins with is what it may come back to.
    sourceDisk.flush().join();
    history.clear();
    long[] ids = ownerImage();
    long[] old = sourceImage();
    for (int u = 0; u < UNITS; u++) {
      List<Op> ops = new ArrayList<>();
      if (old[u] != ids[u]) {
        ops.add(answered(old[u]));
      }
      ops.add(answered(ids[u]));
      history.add(ops);
      floor[u] = 0;
      lastingFloor[u] = 0;
      flushed[u] = 0;
      busy[u] = false;
    }
    inFlight = 0;
    whole = true;
    latency.slow = true;
    writer.start();
  }

  private Op answered(long id) {
    Op op = new Op(id, clock);
    op.answered = clock;
    return op;
  }

  /** One thing that the host does, or that happens. */
  void act() {
    clock++;
    int what = random.nextInt(100);
    if (what < 45) {
      write();
    } else if (what < 52) {
      zero();
    } else if (what < 62) {
      flush();
    } else if (what < 68) {
      read();
    } else if (what < 69) {
      link.cut = !link.cut;
    } else if (what < 70) {
      link.loses = random.nextBoolean() ? 0 : 10;
    } else if (what < 71 && random.nextInt(4) == 0) {
      restartSource(random.nextBoolean());
    } else {
      for (int steps = random.nextInt(40); steps > 0; steps--) {
        step();
      }
    }
  }

  // ------------------------------------------------------------------ crashes

  /** The source's process is killed, or its power lost, and it comes back at once. */
  private void restartSource(boolean power) {
    sourceDevice.die();
    logLife.die();
    if (power) {
      sourceDisk.lose(LOSSES[random.nextInt(LOSSES.length)]);
      batchFile.losePower(random);
      System.arraycopy(lastingFloor, 0, floor, 0, UNITS);
      whole &= !through;
    }
    startSource();
    receiver.recover();
  }

  /** Both processes are killed, or lose their power; then all is looked at and begins anew. */
  void crash() throws IOException {
    boolean ownerPower = random.nextBoolean();
    boolean sourcePower = random.nextBoolean();
    dying = true;
    ownerDevice.die();
    sourceDevice.die();
    mapLife.die();
    logLife.die();
    link.dead = true;
    if (ownerPower) {
      ownerDisk.lose(LOSSES[random.nextInt(LOSSES.length)]);
      mapFile.losePower(random);
    }
    if (sourcePower) {
      sourceDisk.lose(LOSSES[random.nextInt(LOSSES.length)]);
      batchFile.losePower(random);
    }
    writer.stop();
    time.drain();
    startSource();
    time.await(receiver.seal());
    receiver.open();
    startOwner();
    checkSource(sourcePower ? lastingFloor : floor, whole && !(through && sourcePower));
    checkOwner(ownerPower);
    dying = false;
    begin();
  }

  private static long idOf(ByteBuffer data, int unit) {
    int at = unit * UNIT;
    long id = data.getLong(at);
    for (int i = 0; i < UNIT; i += 8) {
      check(data.getLong(at + i) == id, "not in one piece: unit", unit);
    }
    return id;
  }

  /** A copy: looking at a buffer costs much while leaks are looked for. */
  private static ByteBuffer contents(BlockDevice disk) {
    ByteBuf data = disk.read(0, (int) SIZE).join();
    byte[] bytes = ByteBufUtil.getBytes(data);
    data.release();
    return ByteBuffer.wrap(bytes);
  }

  private long[] sourceImage() {
    ByteBuffer data = contents(sourceDisk);
    long[] ids = new long[UNITS];
    for (int u = 0; u < UNITS; u++) {
      ids[u] = idOf(data, u);
    }
    return ids;
  }

  private long[] ownerImage() {
    long[] ids = sourceImage();
    ByteBuffer data = contents(ownerDisk);
    for (int u = 0; u < UNITS; u++) {
      int state = owner.map().state(u / (BLOCK / UNIT));
      if (state == BlockMap.ZERO) {
        ids[u] = 0;
      } else if (state != BlockMap.NOT_HERE) {
        ids[u] = idOf(data, u);
      }
    }
    return ids;
  }

  /** What it has is of one moment, and not too old. */
  private void checkSource(int[] atLeast, boolean consistent) {
    long[] ids = sourceImage();
    int[] found = new int[UNITS];
    long from = 0;
    for (int u = 0; u < UNITS; u++) {
      found[u] = last(history.get(u), ids[u]);
      check(
          found[u] >= atLeast[u],
          "too old in the source: unit, write, writes",
          u,
          ids[u],
          history.get(u).size());
      from = Math.max(from, history.get(u).get(found[u]).asked);
    }
    List<Op> there = new ArrayList<>();
    for (int u = 0; u < UNITS; u++) {
      there.add(history.get(u).get(found[u]));
    }
    for (int u = 0; consistent && u < UNITS; u++) {
      if (found[u] + 1 < history.get(u).size()) {
        Op next = history.get(u).get(found[u] + 1);
        check(
            next.answered >= from,
            "lacks a write that was answered before others were asked for: unit, write",
            u,
            next.id);
        check(!there.contains(next), "a write is there in part", next.id);
      }
    }
  }

  private void checkOwner(boolean power) {
    long[] ids = ownerImage();
    long[] other = sourceImage();
    int[] answered = flushed.clone();
    if (!power) {
      raise(answered);
    }
    for (int u = 0; u < UNITS; u++) {
      check(last(history.get(u), ids[u]) >= answered[u], "lost here: unit", u);
      if (owner.map().state(u / (BLOCK / UNIT)) == BlockMap.SAME) {
        check(ids[u] == other[u], "said to be the same: unit", u);
      }
    }
  }

  /** Lets all come to rest, with a link that works: the source has all then. */
  void settle() {
    link.cut = false;
    link.loses = 0;
    latency.slow = false;
    flush();
    for (int steps = 0; steps < 30_000; steps++) {
      step();
      Lag lag = writer.lag();
      if (inFlight == 0
          && lag.bytes() == 0
          && (lag.mode() == Lag.Mode.THROUGH || lag.mode() == Lag.Mode.BACK)) {
        break;
      }
    }
    Lag lag = writer.lag();
    check(lag.bytes() == 0, "the source lags behind", lag);
    check(lag.mode() == (through ? Lag.Mode.THROUGH : Lag.Mode.BACK), "it ends", lag);
    check(Arrays.equals(sourceImage(), ownerImage()), "the source has not all");
  }

  void end() {
    dying = true;
    writer.stop();
    ownerDevice.die();
    sourceDevice.die();
    time.drain();
  }
}
