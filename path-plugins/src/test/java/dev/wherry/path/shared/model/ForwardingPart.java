package dev.wherry.path.shared.model;

import dev.wherry.path.BlockDevice;
import dev.wherry.path.PathHandler;
import dev.wherry.path.link.LinkReply;
import dev.wherry.path.link.LinkRequest;
import dev.wherry.path.link.Priority;
import dev.wherry.path.move.Mover;
import dev.wherry.path.shared.RangePolicy;
import dev.wherry.path.shared.ReadPolicy;
import dev.wherry.path.shared.ShareState;
import dev.wherry.path.shared.WritePolicy;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** A part that hands everything to another one. */
abstract class ForwardingPart implements Part {
  private final Part part;

  ForwardingPart(Part part) {
    this.part = part;
  }

  @Override
  public PathHandler handler() {
    return part.handler();
  }

  @Override
  public ShareState state() {
    return part.state();
  }

  @Override
  public CompletableFuture<Void> join(String node) {
    return part.join(node);
  }

  @Override
  public CompletableFuture<Void> leave(String node) {
    return part.leave(node);
  }

  @Override
  public CompletableFuture<Void> activate(boolean force) {
    return part.activate(force);
  }

  @Override
  public CompletableFuture<Void> giveTo(String node) {
    return part.giveTo(node);
  }

  @Override
  public CompletableFuture<@Nullable BlockDevice> release() {
    return part.release();
  }

  @Override
  public CompletableFuture<String> fenced() {
    return part.fenced();
  }

  @Override
  public CompletableFuture<Void> policies(
      ReadPolicy read, WritePolicy write, List<RangePolicy> ranges, boolean manual) {
    return part.policies(read, write, ranges, manual);
  }

  @Override
  public void pace(Mover.Pace pace) {
    part.pace(pace);
  }

  @Override
  public void up(String node) {
    part.up(node);
  }

  @Override
  public CompletableFuture<LinkReply> serve(String from, LinkRequest request, Priority priority) {
    return part.serve(from, request, priority);
  }
}
