package dev.wherry.path.shared;

import dev.wherry.path.link.Link;
import dev.wherry.path.link.LinkReply;
import dev.wherry.path.link.LinkReply.Status;
import dev.wherry.path.link.LinkRequest;
import dev.wherry.path.link.Op;
import dev.wherry.path.link.Priority;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;

/** What a node asks of others, and tells them, about who owns the volume. */
final class Peers {
  /**
   * Flag of SYNC: the sender was made the owner by force, and had a store that was the volume's
   * before, as a former owner or one that was fenced; not one that is filled from the receiver's,
   * and not one that misses blocks: only the receiver may have those.
   */
  static final int OWN_STORE = 1;

  /** Flag of SYNC: the sender has a part in the volume, and does not own it. */
  static final int PART = 2;

  private final Core core;
  private final Orphans orphans;
  private final Rival rival;

  Peers(Core core) {
    this.core = core;
    this.orphans = new Orphans(core);
    this.rival = new Rival(core);
  }

  /** Those that a former owner has given a part. */
  Orphans orphans() {
    return orphans;
  }

  /** One that has a volume of this name for itself, as far as was heard. */
  Rival rival() {
    return rival;
  }

  /** All nodes that can be reached, whether they are known to have a part or not. */
  Set<String> reachable() {
    ShareState s = core.state();
    Set<String> all = new TreeSet<>(core.links().nodes());
    all.addAll(s.members());
    all.add(s.owner());
    all.removeIf(n -> n.equals(core.node()) || !core.isUp(n));
    return all;
  }

  /** As {@link #tell}: whoever may have a part, and be a member or not. */
  void tellAll() {
    Set<String> all = reachable();
    all.addAll(core.state().members());
    all.forEach(this::tell);
  }

  /** Tells a node what this one knows, and learns what that one knows; never fails. */
  CompletableFuture<Void> tell(String node) {
    return ask(node).thenAccept(heard -> {});
  }

  /** As {@link #tell}; what it says. */
  CompletableFuture<Heard> ask(String node) {
    ShareState s = core.state();
    // The owner knows how much was lost; of others it is not believed.
    return call(
            node,
            LinkRequest.of(Op.SYNC, core.suid(), s.epoch(), s.losses(), 0)
                .withFlags((hasOwnStore(s, node) ? OWN_STORE : 0) | (Heard.hasPart(s) ? PART : 0))
                .withPayload(Heard.request(s, core.node())))
        .handle(
            (reply, failure) ->
                reply == null
                    ? Heard.nothing(node)
                    : Heard.read(node, reply, core.state(), core.node()))
        .thenCompose(
            heard -> {
              rival.note(s, heard);
              return learned(heard);
            });
  }

  private CompletableFuture<Heard> learned(Heard heard) {
    String owner = heard.owner();
    if (owner != null) {
      core.knownOwner().learn(owner, heard.epoch());
    }
    return heard.part()
        ? takeIn(heard.from()).thenApply(v -> heard)
        : CompletableFuture.completedFuture(heard);
  }

  /** A node says that it has a part; never fails. */
  CompletableFuture<Void> takeIn(String node) {
    return orphans.takeIn(node).<Void>thenApply(in -> null).exceptionally(Failures::logged);
  }

  private boolean hasOwnStore(ShareState s, String to) {
    LayeredStore store = core.store();
    return s.role() == Role.OWNER
        && s.fence() == null
        && store != null
        && !store.isMissingAny()
        && Ownership.isByForce(s.epoch())
        && !NodeSource.name(to).equals(s.source());
  }

  CompletableFuture<LinkReply> call(String node, LinkRequest request) {
    Link link = core.links().to(node).orElse(null);
    if (link == null) {
      request.payload().release();
      return refused(Status.IMPOSSIBLE, "node " + node + " is unknown here");
    }
    return link.call(request, Priority.CONTROL, core.ioTimeout());
  }

  static CompletableFuture<Void> ok() {
    return CompletableFuture.completedFuture(null);
  }

  static <T> CompletableFuture<T> refused(Status status, String why) {
    return CompletableFuture.failedFuture(new ShareException(status, why));
  }
}
