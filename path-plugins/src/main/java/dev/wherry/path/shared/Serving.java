package dev.wherry.path.shared;

import dev.wherry.nbd.Export;
import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import dev.wherry.path.Volume;
import dev.wherry.path.link.Link;
import dev.wherry.path.link.LinkReply;
import dev.wherry.path.link.LinkReply.Status;
import dev.wherry.path.link.LinkRequest;
import dev.wherry.path.link.Op;
import dev.wherry.path.link.Priority;
import io.netty.buffer.ByteBuf;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** Answers what other nodes ask about the volume. */
final class Serving {
  /**
   * Flag of a host's request: the sender has no link to the owner, and asks for it to be sent on.
   */
  static final int VIA = 1 << 30;

  private static final int LARGEST = 64 << 20;
  private static final int LARGEST_FETCH = 1 << 20;
  private static final int MOST_EXTENTS = 4096;

  private final Core core;
  private final Ownership ownership;
  private final Giving giving;
  private final Release release;

  Serving(Core core, Ownership ownership, Giving giving, Release release) {
    this.core = core;
    this.ownership = ownership;
    this.giving = giving;
    this.release = release;
  }

  CompletableFuture<LinkReply> serve(String from, LinkRequest r, Priority priority) {
    try {
      requireOpen();
      return route(from, r, priority).exceptionally(failure -> failed(r.op(), failure));
    } catch (RuntimeException e) {
      return CompletableFuture.completedFuture(failed(r.op(), e));
    }
  }

  private LinkReply failed(Op op, Throwable failure) {
    Throwable cause = Failures.causeOf(failure);
    ShareState s = core.state();
    TryAgain again = TryAgain.of(failure);
    if (again != null && again.outcome() == null) {
      return core.knownOwner().stale();
    }
    if (cause instanceof ShareException e) {
      return LinkReply.not(e.status(), s.epoch(), String.valueOf(e.getMessage()));
    }
    if (cause instanceof IllegalArgumentException) {
      return LinkReply.error(NbdError.EINVAL, s.epoch(), String.valueOf(cause.getMessage()));
    }
    return isCommand(op) && Failures.isNoRoom(cause)
        ? LinkReply.not(Status.NO_SPACE, s.epoch(), String.valueOf(cause.getMessage()))
        : LinkReply.error(
            NbdException.errorOf(cause), s.epoch(), String.valueOf(cause.getMessage()));
  }

  /** Whether an operator is told what comes of it, and no host. */
  private static boolean isCommand(Op op) {
    return switch (op) {
      case PREPARE, DIFFERENCES, PLEDGE, HANDOVER, ACTIVATE, RELEASE -> true;
      default -> false;
    };
  }

  private CompletableFuture<LinkReply> route(String from, LinkRequest r, Priority priority) {
    return switch (r.op()) {
      case READ, WRITE, FLUSH, TRIM, ZERO, CACHE, STATUS -> host(from, r);
      case FETCH, EXTENTS -> store(from, r, priority);
      case PRECOPY, PRECOPY_EXTENTS, PRECOPY_CHANGED -> ahead(from, r);
      case STORE_WRITE, STORE_ZERO, STORE_FLUSH, BATCH_DATA, BATCH_COMMIT -> follow(from, r);
      case PREPARE -> giving.prepare(from, r);
      case DIFFERENCES -> giving.differences(from, r);
      case PLEDGE -> giving.pledge(from, r);
      case HANDOVER -> giving.asked(from, r);
      case ACTIVATE -> activate(from, r);
      case RELEASE -> release.asked(from, r);
      case SYNC -> sync(from, r);
      default ->
          CompletableFuture.completedFuture(
              LinkReply.not(
                  Status.IMPOSSIBLE, core.state().epoch(), r.op() + " is not for a volume"));
    };
  }

  private void requireOpen() {
    if (core.isClosing()) {
      throw new ShareException(Status.REFUSED, "volume " + core.suid() + " is being closed");
    }
  }

  private CompletableFuture<LinkReply> stale() {
    return CompletableFuture.completedFuture(core.knownOwner().stale());
  }

  private void check(LinkRequest r, long most) {
    if (r.length() > most || r.offset() + r.length() > core.size()) {
      throw new IllegalArgumentException(
          r.op()
              + " offset "
              + r.offset()
              + " length "
              + r.length()
              + " of volume "
              + core.suid()
              + " with "
              + core.size()
              + " bytes");
    }
  }

  // ------------------------------------------------------------------ as the owner

  private CompletableFuture<LinkReply> host(String from, LinkRequest r) {
    ShareState s = core.state();
    if (s.fence() == null && r.epoch() > s.epoch()) {
      // The sender is ahead: this node is about to become the owner, or has not heard the answer.
      core.knownOwner().learn(core.node(), r.epoch());
      return core.await(() -> core.state().epoch() >= r.epoch())
          .thenCompose(
              met ->
                  met
                      ? host(from, r)
                      : CompletableFuture.failedFuture(
                          new NbdException(
                              NbdError.EIO,
                              "node " + core.node() + " does not become the owner in time")));
    }
    boolean passOn =
        (r.flags() & VIA) != 0 && r.epoch() == s.epoch() && core.links().to(s.owner()).isPresent();
    if (r.epoch() < s.epoch() || (s.role() != Role.OWNER && !passOn)) {
      return stale();
    }
    if (!s.members().contains(from)) {
      return ownership
          .peers()
          .orphans()
          .takeIn(from)
          .thenCompose(
              in ->
                  in
                      ? host(from, r)
                      : Peers.refused(
                          Status.REFUSED,
                          "node " + from + " has no part in volume " + core.suid()));
    }
    if (s.role() != Role.OWNER && isCounted(r.op())) {
      return passOn(s, r);
    }
    Volume v = core.inner();
    long epoch = s.epoch();
    int fua = r.flags() & Export.FUA;
    check(r, Long.MAX_VALUE);
    return switch (r.op()) {
      case READ -> {
        check(r, LARGEST);
        yield v.read(r.offset(), (int) r.length()).thenApply(data -> LinkReply.ok(epoch, data));
      }
      case WRITE -> {
        if (r.payload().readableBytes() != r.length()) {
          throw new IllegalArgumentException(
              r.payload().readableBytes() + " bytes for a write of " + r.length());
        }
        yield counted(s, v.write(r.offset(), r.payload(), fua));
      }
      case FLUSH -> counted(s, v.flush());
      case TRIM -> counted(s, v.trim(r.offset(), r.length(), fua));
      case ZERO ->
          counted(s, v.zero(r.offset(), r.length(), r.flags() & (Export.FUA | Export.NO_HOLE)));
      case CACHE -> v.cache(r.offset(), r.length()).thenApply(done -> LinkReply.ok(epoch));
      default ->
          v.status(
                  r.payload().toString(StandardCharsets.UTF_8),
                  r.offset(),
                  r.length(),
                  Math.max(1, Math.min(MOST_EXTENTS, r.flags() & ~VIA)))
              .thenApply(extents -> LinkReply.ok(epoch, Payloads.extents(extents)));
    };
  }

  /** Whether its answer says how much was lost; see {@link Unflushed}. */
  private static boolean isCounted(Op op) {
    return op == Op.WRITE || op == Op.FLUSH || op == Op.TRIM || op == Op.ZERO;
  }

  /**
   * The answer to a change or a FLUSH. The count is that of when it was asked for: where it had to
   * wait for an owner that counts more by then, it is taken for lost, and not the other way round.
   */
  private static CompletableFuture<LinkReply> counted(ShareState s, CompletableFuture<Void> done) {
    return done.thenApply(v -> LinkReply.ok(s.epoch(), Payloads.losses(s.losses())));
  }

  /** Sends it on to the owner as it came, for the owner's answer as it is. */
  private CompletableFuture<LinkReply> passOn(ShareState s, LinkRequest r) {
    Link link = core.links().to(s.owner()).orElse(null);
    if (link == null) {
      return stale();
    }
    return link.call(
            r.withFlags(r.flags() & ~VIA).withPayload(r.payload().retainedSlice()),
            Priority.DEMAND,
            core.ioTimeout())
        .thenApply(
            reply -> {
              if (reply.status() == Status.STALE) {
                core.knownOwner().learn(reply.text(), reply.epoch());
              }
              return reply;
            });
  }

  /** What a standby takes before it is the owner; see {@link Marks}. */
  private CompletableFuture<LinkReply> ahead(String from, LinkRequest r) {
    ShareState s = core.state();
    if (s.role() != Role.OWNER || s.fence() != null || r.epoch() != s.epoch()) {
      return stale();
    }
    if (!s.members().contains(from) || r.payload().readableBytes() != 8) {
      throw new ShareException(Status.REFUSED, r.op() + " of node " + from + " is refused");
    }
    if (core.isStill() && r.op() != Op.PRECOPY_CHANGED) {
      throw new ShareException(Status.REFUSED, "volume " + core.suid() + " is being handed over");
    }
    LayeredStore store = core.requireStore();
    long session = r.payload().getLong(r.payload().readerIndex());
    check(r, r.op() == Op.PRECOPY ? LARGEST_FETCH : Long.MAX_VALUE);
    if (r.op() == Op.PRECOPY_CHANGED) {
      ByteBuf lost = Payloads.buffer(256);
      Run.write(core.marks().lost(from, session, store.blocks()), lost);
      return CompletableFuture.completedFuture(LinkReply.ok(s.epoch(), lost));
    }
    long end = (r.offset() + r.length() + store.blockSize() - 1) / store.blockSize();
    core.marks().mark(from, session, r.offset() / store.blockSize(), end);
    return store.counted(
        () ->
            r.op() == Op.PRECOPY
                ? store
                    .read(r.offset(), (int) r.length())
                    .thenApply(data -> LinkReply.ok(s.epoch(), data))
                : store
                    .extents("", r.offset(), r.length(), MOST_EXTENTS)
                    .thenApply(extents -> LinkReply.ok(s.epoch(), Payloads.extents(extents))));
  }

  // ------------------------------------------------------------------ as a source

  private CompletableFuture<LinkReply> store(String from, LinkRequest r, Priority priority) {
    ShareState s = core.state();
    String named = NodeSource.ownerIn(r);
    String owner = named == null || named.equals(core.node()) ? from : named;
    if (s.role() != Role.OWNER) {
      // The sender need not be the owner, and one that is taken for it is believed.
      return owner.equals(named)
              && r.epoch() > s.epoch()
              && core.knownOwner().learn(owner, r.epoch())
          ? onceKnown(from, r, priority)
          : stillStore(from, r, priority);
    }
    if (s.fence() == null) {
      if (r.epoch() <= s.epoch()) {
        return stale();
      }
      core.knownOwner().learn(owner, r.epoch());
    }
    if (!Ownership.isForcedBetween(s.epoch(), r.epoch())) {
      // The sender was handed it, so its map counts on a later store than this one.
      throw new ShareException(
          Status.REFUSED,
          "node "
              + core.node()
              + " gave volume "
              + core.suid()
              + " away after epoch "
              + s.epoch()
              + " and has forgotten it; what it keeps is older than that");
    }
    // The sender owns it by force: this store must be still before anything is taken from it.
    return core.fence()
        .still()
        .thenCompose(
            v -> {
              requireOpen();
              if (core.state().fence() == null) {
                throw new ShareException(
                    Status.REFUSED,
                    "node " + core.node() + " cannot remember that " + v + "; it may change still");
              }
              return stillStore(from, r, priority);
            });
  }

  /**
   * Answers as soon as it is certain that this node does not take the ownership from an owner of
   * before: the store would change.
   */
  private CompletableFuture<LinkReply> onceKnown(String from, LinkRequest r, Priority priority) {
    return core.await(() -> core.state().epoch() >= r.epoch() || core.state().fence() != null)
        .thenCompose(
            met ->
                met
                    ? store(from, r, priority)
                    : Peers.refused(
                        Status.REFUSED,
                        "node "
                            + core.node()
                            + " cannot remember that volume "
                            + core.suid()
                            + " has another owner, in epoch "
                            + r.epoch()
                            + "; it may change still"));
  }

  /** Nothing changes the store but what the sender does, once what others did has ended. */
  private CompletableFuture<LinkReply> stillStore(String from, LinkRequest r, Priority priority) {
    ShareState s = core.state();
    Receiver receiver = core.receiving().receiver();
    return s.role() != Role.FORMER || receiver == null
        ? content(from, r, priority)
        : receiver
            .settled(s.epoch())
            .thenCompose(
                v -> {
                  requireOpen();
                  return content(from, r, priority);
                });
  }

  private CompletableFuture<LinkReply> content(String from, LinkRequest r, Priority priority) {
    ShareState s = core.state();
    LayeredStore store = core.store();
    if (store == null) {
      throw new ShareException(
          Status.UNKNOWN, "node " + core.node() + " keeps nothing of volume " + core.suid());
    }
    String asker = NodeSource.name(from);
    if (r.op() == Op.EXTENTS) {
      check(r, Long.MAX_VALUE);
      return store
          .counted(() -> store.extents(asker, r.offset(), r.length(), MOST_EXTENTS))
          .thenApply(extents -> LinkReply.ok(s.epoch(), Payloads.extents(extents)));
    }
    check(r, LARGEST_FETCH);
    return store
        .counted(() -> store.fetch(asker, r.offset(), (int) r.length(), priority))
        .thenApply(
            fetched -> {
              ByteBuf head = Payloads.buffer(4 + 16 * fetched.absent().size());
              Run.write(fetched.absent(), head);
              return LinkReply.ok(
                  s.epoch(),
                  head.alloc()
                      .compositeBuffer(2)
                      .addComponent(true, head)
                      .addComponent(true, fetched.data()));
            });
  }

  /** The owner writes to its source. */
  private CompletableFuture<LinkReply> follow(String from, LinkRequest r) {
    ShareState s = core.state();
    if (r.epoch() > s.epoch() && s.fence() == null && core.knownOwner().learn(from, r.epoch())) {
      return core.await(() -> core.state().epoch() >= r.epoch() || core.state().fence() != null)
          .thenCompose(met -> met ? follow(from, r) : stale());
    }
    Receiver receiver = core.receiving().receiver();
    if (s.role() != Role.FORMER
        || s.fence() != null
        || r.epoch() != s.epoch()
        || !s.owner().equals(from)
        || receiver == null) {
      return stale();
    }
    check(r, r.op() == dev.wherry.path.link.Op.STORE_WRITE ? LARGEST_FETCH : Long.MAX_VALUE);
    CompletableFuture<LinkReply> reply = receiver.serve(r, s.epoch());
    return reply == null ? stale() : reply;
  }

  // ------------------------------------------------------------------ about the ownership

  private CompletableFuture<LinkReply> activate(String from, LinkRequest r) {
    ShareState s = core.state();
    if (!s.owner().equals(from) || r.epoch() < s.epoch()) {
      return stale();
    }
    if (r.epoch() > s.epoch()) {
      core.knownOwner().learn(from, r.epoch());
      return core.await(() -> core.state().epoch() >= r.epoch())
          .thenCompose(met -> met ? activate(from, r) : stale());
    }
    // The asker can be reached, though this node's own link to it may be a moment later.
    return core.soon(() -> core.isUp(from))
        .thenCompose(v -> ownership.activate(false, false))
        .thenApply(v -> LinkReply.ok(core.state().epoch()));
  }

  private CompletableFuture<LinkReply> sync(String from, LinkRequest r) {
    ShareState s = core.state();
    List<String> said = Heard.readRequest(r.payload());
    if (!Heard.isOfOne(said, s, core.node())) {
      return CompletableFuture.completedFuture(
          LinkReply.not(
              Status.UNKNOWN,
              0,
              "volume " + core.suid() + " at node " + core.node() + " is another one"));
    }
    String owner = said.get(0);
    LinkReply reply = LinkReply.ok(s.epoch());
    if (s.yieldsTo(owner, r.epoch())) {
      core.knownOwner().learn(owner, r.epoch());
      if (owner.equals(from) && (r.flags() & Peers.OWN_STORE) != 0) {
        core.fence().tookOverWithOwnStore(from, r.epoch());
      }
      Successor by = s.successor();
      if (by != null && by.epoch() >= r.epoch() && !by.node().equals(owner)) {
        // Two that took it by force are told of each other by whom they took it from.
        reply = core.knownOwner().stale();
      }
    } else if (r.epoch() < s.epoch() || !owner.equals(s.owner())) {
      reply = core.knownOwner().stale();
    } else if (s.role() != Role.OWNER && s.owner().equals(from)) {
      core.losses().note(r.offset());
      core.knownOwner().fetched();
    }
    LinkReply answer = Heard.answer(reply, s, core.node());
    boolean part = (r.flags() & Peers.PART) != 0;
    return (part ? ownership.peers().takeIn(from) : Peers.ok()).thenApply(v -> answer);
  }
}
