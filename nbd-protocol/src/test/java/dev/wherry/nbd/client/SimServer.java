package dev.wherry.nbd.client;

import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.Wire;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.UnpooledByteBufAllocator;
import java.io.EOFException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;

/**
 * A server in memory that answers out of order, loses connections, and forgets in a crash what was
 * not flushed. Its disk is an array of blocks of 8 bytes; each holds one number, 1 at first.
 */
final class SimServer implements Dialer {
  static final int BLOCK = 8;

  private record Unflushed(int block, long value) {}

  private final SimReactor reactor;
  private final Random random;
  private final boolean multi;
  private final boolean fua;

  /** What is visible, and what survives a crash. */
  final long[] cache;

  final long[] disk;

  private final List<Unflushed> unflushed = new ArrayList<>();
  private final Set<SimLink> links = new LinkedHashSet<>();
  private boolean up = true;

  /** When set, the next command of this kind is refused with this error. */
  int refuseType = -1;

  NbdError refuseWith = NbdError.EIO;

  /** Answers nothing while set. */
  boolean mute;

  /** How many of each kind of command were carried out. */
  final int[] done = new int[16];

  SimServer(SimReactor reactor, Random random, int blocks, boolean multi, boolean fua) {
    this.reactor = reactor;
    this.random = random;
    this.multi = multi;
    this.fua = fua;
    this.cache = new long[blocks];
    this.disk = new long[blocks];
    Arrays.fill(cache, 1);
    Arrays.fill(disk, 1);
  }

  private Terms agreement() {
    int flags =
        Wire.FLAG_HAS_FLAGS
            | Wire.FLAG_SEND_FLUSH
            | (fua ? Wire.FLAG_SEND_FUA : 0)
            | Wire.FLAG_SEND_TRIM
            | Wire.FLAG_SEND_WRITE_ZEROES
            | (multi ? Wire.FLAG_CAN_MULTI_CONN : 0);
    return new Terms(
        (long) cache.length * BLOCK, flags, BLOCK, BLOCK, 1024, "", true, true, Map.of());
  }

  private long delay(int max) {
    return 1000L * (1 + random.nextInt(max));
  }

  @Override
  public CompletableFuture<Link> dial(long limitNanos) {
    CompletableFuture<Link> result = new CompletableFuture<>();
    reactor.schedule(
        () -> {
          if (up) {
            SimLink link = new SimLink();
            links.add(link);
            result.complete(link);
          } else {
            result.completeExceptionally(
                new NbdConnectException(NbdConnectException.Reason.UNREACHABLE, "away"));
          }
        },
        delay(50));
    return result;
  }

  int connections() {
    return links.size();
  }

  /** The process dies: of what was not flushed, a random part survives. */
  void crash() {
    for (Unflushed u : unflushed) {
      if (random.nextInt(3) == 0) {
        disk[u.block] = u.value;
      }
    }
    unflushed.clear();
    System.arraycopy(disk, 0, cache, 0, disk.length);
    up = false;
    List.copyOf(links).forEach(SimLink::cut);
  }

  void start() {
    up = true;
  }

  /** The process ends in order: it tells so, or not, and forgets nothing. */
  void restart() {
    boolean tell = random.nextBoolean();
    for (SimLink link : List.copyOf(links)) {
      if (tell) {
        link.sayGoodBye();
      }
      link.executeSome();
      link.cut();
    }
  }

  /** One connection breaks; what was under way on it is done or not. */
  void cutOne() {
    if (!links.isEmpty()) {
      SimLink link = List.copyOf(links).get(random.nextInt(links.size()));
      link.executeSome();
      link.cut();
    }
  }

  private void execute(Command c) {
    int first = (int) (c.offset / BLOCK);
    int count = (int) (c.length / BLOCK);
    done[c.type]++;
    switch (c.type) {
      case Wire.CMD_READ -> {
        c.coverage().claim(0, c.length);
        ByteBuf data = c.data(UnpooledByteBufAllocator.DEFAULT);
        for (int i = 0; i < count; i++) {
          data.setLong(i * BLOCK, cache[first + i]);
        }
      }
      case Wire.CMD_WRITE, Wire.CMD_WRITE_ZEROES, Wire.CMD_TRIM -> {
        for (int i = 0; i < count; i++) {
          ByteBuf payload = c.payload();
          long value = payload == null ? 0 : payload.getLong(payload.readerIndex() + i * BLOCK);
          int block = first + i;
          cache[block] = value;
          if (c.durable()) {
            disk[block] = value;
            unflushed.removeIf(u -> u.block == block);
          } else {
            unflushed.add(new Unflushed(block, value));
          }
        }
      }
      case Wire.CMD_FLUSH -> {
        unflushed.forEach(u -> disk[u.block] = u.value);
        unflushed.clear();
      }
      default -> throw new IllegalStateException(c.toString());
    }
  }

  /** One connection. */
  private final class SimLink implements Link {
    private final Terms agreed = agreement();
    private final Set<Command> inFlight = new LinkedHashSet<>();
    private final Set<Command> executed = new LinkedHashSet<>();
    private Listener listener;
    private boolean dead;
    private boolean closed;
    private long quietSince;

    @Override
    public Terms terms() {
      return agreed;
    }

    @Override
    public void start(Listener newListener) {
      listener = newListener;
      if (dead) {
        tellLost();
      }
    }

    @Override
    public void send(Command c) {
      if (inFlight.isEmpty()) {
        quietSince = reactor.nanoTime();
      }
      if (!inFlight.add(c)) {
        throw new AssertionError("sent twice: " + c);
      }
      if (!dead) {
        reactor.schedule(() -> perform(c), delay(20));
      }
    }

    private void perform(Command c) {
      if (dead || mute || !inFlight.contains(c) || executed.contains(c)) {
        return;
      }
      if (c.type == refuseType) {
        refuseType = -1;
        c.failed(refuseWith, "refused");
      } else {
        execute(c);
      }
      executed.add(c);
      reactor.schedule(() -> answer(c), delay(20));
    }

    private void answer(Command c) {
      if (!dead && inFlight.remove(c)) {
        executed.remove(c);
        quietSince = reactor.nanoTime();
        listener.answered(this, c);
      }
    }

    /** Carries out some of what is under way, in any order, without an answer. */
    void executeSome() {
      List<Command> some = new ArrayList<>(inFlight);
      Collections.shuffle(some, random);
      for (Command c : some) {
        if (!executed.contains(c) && c.changesData() && random.nextBoolean()) {
          execute(c);
        }
      }
    }

    void sayGoodBye() {
      if (listener == null) {
        return;
      }
      for (Command c : List.copyOf(inFlight)) {
        if (!dead && !executed.contains(c) && random.nextBoolean() && inFlight.remove(c)) {
          c.failed(NbdError.ESHUTDOWN, "");
          listener.answered(this, c);
        }
      }
    }

    void cut() {
      links.remove(this);
      if (!dead) {
        dead = true;
        tellLost();
      }
    }

    private void tellLost() {
      Listener l = listener;
      if (l != null) {
        reactor.execute(
            () -> {
              if (!closed) {
                l.lost(this, new EOFException("cut"));
              }
            });
      }
    }

    @Override
    public int inFlight() {
      return inFlight.size();
    }

    @Override
    public long quietSince() {
      return quietSince;
    }

    @Override
    public List<Command> unanswered() {
      List<Command> all = List.copyOf(inFlight);
      inFlight.clear();
      all.forEach(Command::dropReply);
      return all;
    }

    @Override
    public void fail(Throwable cause) {
      cut();
    }

    @Override
    public CompletableFuture<Void> close() {
      closed = true;
      dead = true;
      links.remove(this);
      return CompletableFuture.completedFuture(null);
    }
  }
}
