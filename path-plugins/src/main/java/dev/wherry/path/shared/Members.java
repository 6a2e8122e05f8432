package dev.wherry.path.shared;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * Who has a part in the volume: nodes come and go as the owner says. A node that was given a part
 * by a former owner comes {@linkplain Orphans by itself}.
 *
 * <p>Safe on any thread; never blocks.
 */
public final class Members {
  private final Core core;
  private final Ownership ownership;
  private final Giving giving;
  private final Release release;

  Members(Core core, Ownership ownership, Giving giving, Release release) {
    this.core = core;
    this.ownership = ownership;
    this.giving = giving;
    this.release = release;
  }

  private Orphans orphans() {
    return ownership.peers().orphans();
  }

  /**
   * A member joins: it may read, and ask for the ownership. Durable when done, and the member has
   * been told, if it can be; fails with {@link ShareException} where this node is not the owner.
   */
  public CompletableFuture<Void> join(String node) {
    orphans().joined(node);
    return core.update(
            s -> {
              core.requireOwner(s);
              List<String> members = new ArrayList<>(s.members());
              if (!members.contains(node)) {
                members.add(node);
              }
              return s.withMembers(members);
            })
        .thenCompose(s -> ownership.tell(node));
  }

  /**
   * A member is about to be asked whether it leaves. It stays one until it has, so that its hosts
   * are served, and whoever forgets about it in a crash forgets nobody that has a part; but it does
   * not get the ownership any more, until {@link #stays}. As {@link #join}.
   */
  public CompletableFuture<Void> leaving(String node) {
    return giving
        .leaving(node)
        .whenComplete(
            (v, failure) -> {
              if (failure != null) {
                stays(node);
              }
            });
  }

  /** It does not leave. */
  public void stays(String node) {
    giving.stays(node);
  }

  /** A member is gone. As {@link #join}. */
  public CompletableFuture<Void> leave(String node) {
    orphans().left(node);
    giving.forget(node);
    core.marks().forget(node);
    return core.update(
            s -> {
              core.requireOwner(s);
              return s.withMembers(s.members().stream().filter(m -> !m.equals(node)).toList());
            })
        .thenAccept(s -> {});
  }

  /** A member is gone, and what it kept of the volume with it. As {@link #join}. */
  public CompletableFuture<Void> gone(String node) {
    return leave(node)
        .thenCompose(v -> release.gone(node))
        .whenComplete((v, failure) -> stays(node));
  }
}
