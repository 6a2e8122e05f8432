package dev.wherry.daemon.volume;

import dev.wherry.daemon.catalog.CatalogException;
import dev.wherry.nbd.NbdException;
import dev.wherry.path.DeviceException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Waits for futures on threads that may block, and turns their failures into refusals. */
public final class Await {
  /** How long a commit may take. */
  private static final Duration COMMIT_LIMIT = Duration.ofSeconds(30);

  private Await() {}

  /**
   * Waits.
   *
   * @param what names the step, for the text of a failure
   */
  public static <T> T done(CompletableFuture<T> future, Duration limit, String what) {
    try {
      return future.get(limit.toMillis(), TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new Refusal(Refusal.Kind.UNAVAILABLE, what + " was interrupted");
    } catch (TimeoutException e) {
      throw new Refusal(
          Refusal.Kind.UNAVAILABLE, what + " did not end within " + limit.toMillis() + " ms");
    } catch (ExecutionException e) {
      throw refusal(e.getCause() == null ? e : e.getCause(), what);
    }
  }

  /** Waits until a change of the catalog is durable. */
  public static void committed(CompletableFuture<Void> change) {
    done(change, COMMIT_LIMIT, "the commit of the catalog");
  }

  public static RuntimeException refusal(Throwable failure, String what) {
    Throwable t = failure;
    while (t instanceof CompletionException && t.getCause() != null) {
      t = t.getCause();
    }
    if (t instanceof Refusal r) {
      return r;
    }
    String text = t.getMessage() == null ? t.toString() : t.getMessage();
    if (t instanceof DeviceException d) {
      return new Refusal(
          switch (d.reason()) {
            case IN_USE -> Refusal.Kind.CONFLICT;
            case NO_SPACE -> Refusal.Kind.NO_SPACE;
            case MISSING, UNSUITABLE, UNAVAILABLE -> Refusal.Kind.IMPOSSIBLE;
          },
          text);
    }
    if (t instanceof NbdException n) {
      return new Refusal(
          switch (n.error()) {
            case ENOSPC -> Refusal.Kind.NO_SPACE;
            case ENOTSUP, EOVERFLOW, EINVAL, EPERM -> Refusal.Kind.IMPOSSIBLE;
            default -> Refusal.Kind.UNAVAILABLE;
          },
          what + ": " + text);
    }
    if (t instanceof IllegalArgumentException) {
      return Refusal.malformed(text);
    }
    if (t instanceof IllegalStateException) {
      return Refusal.conflict(text);
    }
    if (t instanceof CatalogException c) {
      return new Refusal(c.noSpace() ? Refusal.Kind.NO_SPACE : Refusal.Kind.UNAVAILABLE, text);
    }
    return new IllegalStateException(what + " failed", t);
  }
}
