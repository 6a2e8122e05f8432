package dev.wherry.nbd.client;

import dev.wherry.nbd.ExportInfo;
import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * What those who use the client know of the server: what it offers, when it is there (again), and
 * why it never will be. Event loop, but for {@link #terms}, {@link #info} and {@link #first}.
 */
final class Presence {
  private final CompletableFuture<Terms> first = new CompletableFuture<>();
  private final List<CompletableFuture<Void>> waiting = new ArrayList<>();

  /** What the first connection agreed on, or better. */
  private volatile @Nullable Terms terms;

  /** The same for users of the client. */
  private volatile @Nullable ExportInfo info;

  private @Nullable String failure;

  /** What the present or last session has. Any thread. */
  @Nullable Terms terms() {
    return terms;
  }

  /** The same for users of the client. Any thread. */
  @Nullable ExportInfo info() {
    return info;
  }

  /** Done with the first session, or fails with what kept it from coming about. Any thread. */
  CompletableFuture<Terms> first() {
    return first;
  }

  /** Whether a first session has come about, or never will. */
  boolean isDecided() {
    return first.isDone();
  }

  /** Has a future done with the next session; whoever brings it may let it fail before that. */
  void await(CompletableFuture<Void> next) {
    waiting.add(next);
  }

  /** A session has come about. */
  void here(Terms now, ExportInfo as) {
    terms = now;
    info = as;
    List<CompletableFuture<Void>> all = List.copyOf(waiting);
    waiting.clear();
    all.forEach(f -> f.complete(null));
    first.complete(now);
  }

  /** There is no first session, and no second attempt. */
  void neverCame(Throwable cause) {
    failure = cause.getMessage();
    first.completeExceptionally(cause);
  }

  /** From now on {@link #gone} says why. */
  void failing(String why) {
    failure = why;
  }

  /** There is no session any more; who waits for one is told. */
  void failed(String why) {
    waiting.forEach(f -> f.completeExceptionally(new NbdException(NbdError.EIO, why)));
    waiting.clear();
    first.completeExceptionally(
        new NbdConnectException(NbdConnectException.Reason.UNREACHABLE, why));
  }

  /** What a request is told that comes when all is over. */
  NbdException gone() {
    return new NbdException(NbdError.EIO, String.valueOf(failure));
  }
}
