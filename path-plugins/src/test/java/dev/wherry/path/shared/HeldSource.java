package dev.wherry.path.shared;

import dev.wherry.nbd.Extent;
import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import dev.wherry.path.Answers;
import dev.wherry.path.link.Priority;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** A source that remembers what was fetched, and answers at once or when the test says. */
final class HeldSource implements Source {
  record Fetch(long offset, int length) {}

  private record Held(Fetch fetch, CompletableFuture<ByteBuf> answer) {}

  private final String name;
  private final byte[] content;
  private final List<Fetch> fetches = new ArrayList<>();
  private final List<Held> held = new ArrayList<>();
  private boolean holding;
  private boolean failing;
  private boolean closed;

  HeldSource(String name, byte[] content) {
    this.name = name;
    this.content = content;
  }

  List<Fetch> fetches() {
    return fetches;
  }

  long bytes() {
    return fetches.stream().mapToLong(Fetch::length).sum();
  }

  void hold() {
    holding = true;
  }

  void fail(boolean fails) {
    failing = fails;
  }

  /** Answers what was held, with what the source has. */
  void answer() {
    holding = false;
    List<Held> all = List.copyOf(held);
    held.clear();
    all.forEach(h -> h.answer.complete(data(h.fetch)));
  }

  /** Fails what was held. */
  void refuse() {
    holding = false;
    List<Held> all = List.copyOf(held);
    held.clear();
    all.forEach(
        h -> h.answer.completeExceptionally(NbdException.harmless(NbdError.EIO, "no route")));
  }

  private ByteBuf data(Fetch f) {
    return Unpooled.copiedBuffer(content, (int) f.offset, f.length);
  }

  @Override
  public CompletableFuture<ByteBuf> fetch(long offset, int length, Priority priority) {
    Fetch fetch = new Fetch(offset, length);
    fetches.add(fetch);
    if (failing) {
      return CompletableFuture.failedFuture(NbdException.harmless(NbdError.EIO, "no route"));
    }
    if (holding) {
      Held h = new Held(fetch, new CompletableFuture<>());
      held.add(h);
      return h.answer;
    }
    return CompletableFuture.completedFuture(data(fetch));
  }

  @Override
  public CompletableFuture<List<Extent>> extents(long offset, long length) {
    return CompletableFuture.completedFuture(List.of(new Extent(length, 0)));
  }

  boolean closed() {
    return closed;
  }

  @Override
  public CompletableFuture<Void> close() {
    closed = true;
    return Answers.done();
  }

  @Override
  public String describe() {
    return name;
  }
}
