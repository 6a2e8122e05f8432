package dev.wherry.daemon.share;

import dev.wherry.daemon.volume.Await;
import dev.wherry.daemon.volume.Refusal;
import dev.wherry.daemon.volume.Refusal.Kind;
import dev.wherry.path.link.LinkException;
import dev.wherry.path.link.LinkReply;
import dev.wherry.path.link.LinkReply.Status;
import dev.wherry.path.shared.ShareException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/** What the engine and other nodes say, and what REST says: the same in other words. */
final class Refusals {
  private Refusals() {}

  static Refusal of(ShareException e) {
    return new Refusal(kind(e.status()), String.valueOf(e.getMessage()));
  }

  /**
   * An answer that is not OK.
   *
   * @param node that answered
   */
  static Refusal of(String node, LinkReply reply) {
    String text =
        switch (reply.status()) {
          case STALE -> "it says that node " + reply.text() + " is the owner";
          case UNKNOWN -> reply.text().isEmpty() ? "it has no such volume" : reply.text();
          default -> reply.text().isEmpty() ? reply.status().toString() : reply.text();
        };
    return new Refusal(kind(reply.status()), "node " + node + ": " + text);
  }

  private static Kind kind(Status status) {
    return switch (status) {
      case STALE, REFUSED -> Kind.CONFLICT;
      case UNKNOWN -> Kind.UNKNOWN;
      case IMPOSSIBLE -> Kind.IMPOSSIBLE;
      case NO_SPACE -> Kind.NO_SPACE;
      case ERROR, OK -> Kind.UNAVAILABLE;
    };
  }

  /**
   * Waits for the engine or another node on a thread that may block; throws their failure as a
   * refusal.
   *
   * @param what names the step, for the text of a failure
   */
  static <T> T await(CompletableFuture<T> future, Duration limit, String what) {
    CompletableFuture<T> worded =
        future.exceptionally(
            failure -> {
              Throwable t = failure;
              while (t instanceof CompletionException && t.getCause() != null) {
                t = t.getCause();
              }
              if (t instanceof ShareException e) {
                throw of(e);
              }
              if (t instanceof LinkException e) {
                throw Refusal.conflict(what + ": " + e.getMessage());
              }
              throw new CompletionException(t);
            });
    return Await.done(worded, limit, what);
  }

  static LinkReply reply(Refusal e) {
    Status status =
        switch (e.kind()) {
          case MALFORMED, IMPOSSIBLE -> Status.IMPOSSIBLE;
          case UNKNOWN -> Status.UNKNOWN;
          case CONFLICT -> Status.REFUSED;
          case NO_SPACE -> Status.NO_SPACE;
          case UNAVAILABLE -> Status.ERROR;
        };
    String why = String.valueOf(e.getMessage());
    return status == Status.ERROR
        ? LinkReply.error(dev.wherry.nbd.NbdError.EIO, 0, why)
        : LinkReply.not(status, 0, why);
  }
}
