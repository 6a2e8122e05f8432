package dev.wherry.daemon;

import dev.wherry.daemon.share.WantedPart;
import dev.wherry.daemon.volume.CreateVolume;
import dev.wherry.daemon.volume.Refusal;
import dev.wherry.path.shared.SharedVolume;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * What is played in a {@link Rehearsal}: a volume comes to be, is shared, changes hands to and fro
 * while hosts of both nodes write, is released, and goes; and again with the next one, as the first
 * hand-over of a volume is not like the second. Hosts make requests alone as well, at the owner and
 * at a former one, and so many that the code on their path is compiled. Half of the time it waits,
 * or more, so that hosts find a processor. One thread; blocks.
 */
final class RehearsalPlay {
  private static final int VOLUMES = 4;

  /** Of all volumes: one at each node. */
  static final int HOSTS = 2 * VOLUMES;

  /** Of each volume. */
  private static final int HAND_OVERS = 16;

  /** All volumes that are played. */
  static final int MOST = VOLUMES * HAND_OVERS;

  private static final long SIZE = 8 << 20;
  private static final int BLOCK = 4096;
  private static final Duration WHOLE = Duration.ofSeconds(2);
  private static final Duration BESIDE = Duration.ofMillis(3);
  private static final int SLICES = 20;
  private static final Duration SLICE = Duration.ofMillis(20);

  /** That a host makes in a row alone, at least; where they are fast, there are many more. */
  static final int REQUESTS = 500;

  private static final Duration LONG = Duration.ofMillis(100);
  private static final Duration LOOK = Duration.ofMillis(20);

  private final RehearsalNode one;
  private final RehearsalNode two;
  private final CountDownLatch stopped;
  private final long end;
  private final Map<RehearsalHost, Integer> alone = new LinkedHashMap<>();
  private int handOvers;

  /**
   * @param stopped ends it soon
   * @param limit after which it ends by itself
   */
  RehearsalPlay(RehearsalNode one, RehearsalNode two, CountDownLatch stopped, Duration limit) {
    this.one = one;
    this.two = two;
    this.stopped = stopped;
    this.end = System.nanoTime() + limit.toNanos();
  }

  /** How many there were. */
  int handOvers() {
    return handOvers;
  }

  /** How many requests were answered to each host that made some alone, of those. */
  List<Integer> alone() {
    return List.copyOf(alone.values());
  }

  /**
   * Plays all of it.
   *
   * @throws CancellationException if it was stopped, or the time is over
   */
  void run() throws InterruptedException {
    one.meet(two);
    two.meet(one);
    while (!one.reaches(two) || !two.reaches(one)) {
      rest(LOOK);
    }
    for (int i = 0; i < VOLUMES; i++) {
      boolean there = i % 2 == 0;
      volume("rehearsal" + i, there ? one : two, there ? two : one, i % 3 == 1);
    }
  }

  private void volume(String suid, RehearsalNode owner, RehearsalNode other, boolean released)
      throws InterruptedException {
    owner
        .registry()
        .create(new CreateVolume(suid, SIZE, List.of(), "local", Map.of(), BLOCK, false));
    RehearsalHost host = RehearsalHost.attach(owner.socket(suid), owner.loops());
    host.run();
    share(suid, owner, other);
    host.pause();
    RehearsalHost guest = RehearsalHost.attach(other.socket(suid), other.loops());
    for (int i = 0; i < HAND_OVERS; i++) {
      boolean back = i % 2 == 1;
      handOver(suid, back ? other : owner, back ? owner : other, host, guest, i);
      if (released && i == HAND_OVERS / 2) {
        whole(suid, other);
        owner.parts().handOvers().release(suid);
        share(suid, other, owner);
      }
      if (i == HAND_OVERS - 2) {
        load(host);
        load(guest);
      }
    }
    load(host);
    guest.detach();
    host.detach();
    whole(suid, owner);
    try {
      owner.parts().sharing().unshare(suid, other.name());
    } catch (Refusal stillNeeded) {
      other.parts().removal().delete(suid, true);
    }
    owner.parts().removal().delete(suid, true);
  }

  private static void share(String suid, RehearsalNode owner, RehearsalNode with) {
    owner
        .parts()
        .sharing()
        .share(suid, new WantedPart(with.name(), "move", null, null, "manual", null));
  }

  private void handOver(
      String suid,
      RehearsalNode from,
      RehearsalNode to,
      RehearsalHost host,
      RehearsalHost guest,
      int number)
      throws InterruptedException {
    long began = System.nanoTime();
    host.run();
    if (number % 4 == 3) {
      guest.run();
    }
    try {
      rest(BESIDE);
      if (number % 8 == 5) {
        from.parts().handOvers().giveBack(suid, to.name());
      } else {
        to.parts().handOvers().activate(suid, false, false);
      }
      rest(BESIDE);
    } finally {
      host.pause();
      guest.pause();
    }
    handOvers++;
    Duration pause = Duration.ofNanos(2 * (System.nanoTime() - began));
    rest(pause.compareTo(LONG) < 0 ? pause : LONG);
  }

  /** Requests alone, of which there are many more than hand-overs. */
  private void load(RehearsalHost host) throws InterruptedException {
    int before = host.answered();
    for (int i = 0; i < SLICES || host.answered() - before < REQUESTS; i++) {
      host.run();
      try {
        rest(SLICE);
      } finally {
        host.pause();
      }
      rest(SLICE);
    }
    alone.merge(host, host.answered() - before, Integer::sum);
  }

  /** Until nothing of the former owner is needed. */
  private void whole(String suid, RehearsalNode owner) throws InterruptedException {
    long limit = System.nanoTime() + WHOLE.toNanos();
    for (; ; ) {
      SharedVolume engine = owner.registry().get(suid).engine();
      SharedVolume.Blocks blocks = engine == null ? null : engine.blocks();
      if (blocks == null || blocks.here() == blocks.total() || System.nanoTime() > limit) {
        return;
      }
      rest(LOOK);
    }
  }

  private void rest(Duration time) throws InterruptedException {
    if (stopped.await(time.toNanos(), TimeUnit.NANOSECONDS) || System.nanoTime() > end) {
      throw new CancellationException("no more hand-overs are played");
    }
  }
}
