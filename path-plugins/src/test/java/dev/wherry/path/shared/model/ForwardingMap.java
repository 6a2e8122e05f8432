package dev.wherry.path.shared.model;

import dev.wherry.path.map.BlockMap;
import io.netty.buffer.ByteBuf;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** A map that hands everything to another one. */
abstract class ForwardingMap implements BlockMap {
  private final BlockMap map;

  ForwardingMap(BlockMap map) {
    this.map = map;
  }

  @Override
  public int blockSize() {
    return map.blockSize();
  }

  @Override
  public long blocks() {
    return map.blocks();
  }

  @Override
  public int state(long block) {
    return map.state(block);
  }

  @Override
  public long runEnd(long from, long end) {
    return map.runEnd(from, end);
  }

  @Override
  public long next(int state, long from, long end) {
    return map.next(state, from, end);
  }

  @Override
  public long nextOther(int state, long from, long end) {
    return map.nextOther(state, from, end);
  }

  @Override
  public boolean settled(long from, long end) {
    return map.settled(from, end);
  }

  @Override
  public boolean durable(long block) {
    return map.durable(block);
  }

  @Override
  public long here() {
    return map.here();
  }

  @Override
  public long dirty() {
    return map.dirty();
  }

  @Override
  public CompletableFuture<Void> intend(long offset, ByteBuf data) {
    return map.intend(offset, data);
  }

  @Override
  public void written(long from, long end) {
    map.written(from, end);
  }

  @Override
  public CompletableFuture<Void> zeroed(long from, long end) {
    return map.zeroed(from, end);
  }

  @Override
  public void hydrated(long from, long end) {
    map.hydrated(from, end);
  }

  @Override
  public boolean takesData() {
    return map.takesData();
  }

  @Override
  public void hydratedHole(long from, long end) {
    map.hydratedHole(from, end);
  }

  @Override
  public CompletableFuture<Void> differ(long from, long end) {
    return map.differ(from, end);
  }

  @Override
  public void same(long from, long end) {
    map.same(from, end);
  }

  @Override
  public CompletableFuture<Void> forgotten(long from, long end) {
    return map.forgotten(from, end);
  }

  @Override
  public void watch(@Nullable Watcher watcher) {
    map.watch(watcher);
  }

  @Override
  public CompletableFuture<Void> commit(Supplier<CompletableFuture<Void>> flushStore) {
    return map.commit(flushStore);
  }

  @Override
  public CompletableFuture<Void> close() {
    return map.close();
  }

  @Override
  public CompletableFuture<Void> force() {
    return map.force();
  }
}
