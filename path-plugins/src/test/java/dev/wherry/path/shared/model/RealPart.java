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
import dev.wherry.path.shared.SharedVolume;
import dev.wherry.path.shared.WritePolicy;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** The real outside of a volume; what has a bug overrides what it needs. */
class RealPart implements Part {
  private final SharedVolume volume;

  RealPart(SharedVolume volume) {
    this.volume = volume;
  }

  @Override
  public PathHandler handler() {
    return volume;
  }

  @Override
  public ShareState state() {
    return volume.state();
  }

  @Override
  public CompletableFuture<Void> join(String node) {
    return volume.members().join(node);
  }

  @Override
  public CompletableFuture<Void> leaving(String node) {
    return volume.members().leaving(node);
  }

  @Override
  public void stays(String node) {
    volume.members().stays(node);
  }

  @Override
  public CompletableFuture<Void> gone(String node) {
    return volume.members().gone(node);
  }

  @Override
  public CompletableFuture<Void> activate(boolean force) {
    return volume.activate(force);
  }

  @Override
  public CompletableFuture<Void> giveTo(String node) {
    return volume.giveTo(node);
  }

  @Override
  public CompletableFuture<@Nullable BlockDevice> release() {
    return volume.release();
  }

  @Override
  public CompletableFuture<Void> policies(
      String read, WritePolicy write, List<RangePolicy> ranges, boolean manual) {
    return volume.policies(read, write, ranges, manual);
  }

  @Override
  public @Nullable Lag lag() {
    return volume.lag();
  }

  @Override
  public boolean isPlain() {
    return volume.isPlain();
  }

  @Override
  public CompletableFuture<@Nullable BlockDevice> detachStore() {
    return volume.detachStore();
  }

  @Override
  public void pace(Mover.Pace pace) {
    volume.pace(pace);
  }

  @Override
  public void up(String node) {
    volume.up(node);
  }

  @Override
  public CompletableFuture<LinkReply> serve(String from, LinkRequest request, Priority priority) {
    return volume.serve(from, request, priority);
  }
}
