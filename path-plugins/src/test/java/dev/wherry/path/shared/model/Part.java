package dev.wherry.path.shared.model;

import dev.wherry.path.BlockDevice;
import dev.wherry.path.PathHandler;
import dev.wherry.path.link.LinkReply;
import dev.wherry.path.link.LinkRequest;
import dev.wherry.path.link.Priority;
import dev.wherry.path.move.Mover;
import dev.wherry.path.shared.Lag;
import dev.wherry.path.shared.RangePolicy;
import dev.wherry.path.shared.ShareState;
import dev.wherry.path.shared.WritePolicy;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** The outside of {@link dev.wherry.path.shared.SharedVolume}, as far as a daemon uses it. */
interface Part {
  PathHandler handler();

  ShareState state();

  CompletableFuture<Void> join(String node);

  CompletableFuture<Void> leaving(String node);

  void stays(String node);

  CompletableFuture<Void> gone(String node);

  CompletableFuture<Void> activate(boolean force);

  /** On the owner: asks another node to take the ownership. */
  CompletableFuture<Void> giveTo(String node);

  CompletableFuture<@Nullable BlockDevice> release();

  CompletableFuture<Void> policies(
      String read, WritePolicy write, List<RangePolicy> ranges, boolean manual);

  /** How far the source is behind; null where it does not follow. */
  @Nullable Lag lag();

  void pace(Mover.Pace pace);

  /** Whether a plain handler does as well. */
  boolean isPlain();

  /** Ends it and gives its store away. */
  CompletableFuture<@Nullable BlockDevice> detachStore();

  void up(String node);

  CompletableFuture<LinkReply> serve(String from, LinkRequest request, Priority priority);
}
