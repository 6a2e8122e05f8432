package dev.wherry.path.shared;

import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import dev.wherry.path.link.Link;
import dev.wherry.path.link.LinkException;
import dev.wherry.path.link.LinkReply;
import dev.wherry.path.link.LinkRequest;
import dev.wherry.path.link.Links;
import dev.wherry.path.link.Priority;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * All that a volume waits for of other nodes and servers, so that it can be given up at once when
 * nobody needs the volume any more. Safe on any thread; never blocks.
 */
final class Waits {
  /** One answer that is waited for. */
  private static final class Wait<T> {
    final CompletableFuture<T> answer = new CompletableFuture<>();
    final Supplier<RuntimeException> givenUp;

    Wait(Supplier<RuntimeException> givenUp) {
      this.givenUp = givenUp;
    }

    void giveUp() {
      answer.completeExceptionally(givenUp.get());
    }
  }

  private final String suid;
  private final Set<Wait<?>> waiting = ConcurrentHashMap.newKeySet();
  private volatile boolean ended;

  Waits(String suid) {
    this.suid = suid;
  }

  /** Waits for nothing any more: what is under way fails, and so does what comes. */
  void end() {
    ended = true;
    waiting.forEach(Wait::giveUp);
  }

  /**
   * A request to a server, as {@link NbdException} fails it.
   *
   * @param late takes an answer that comes when nobody waits for it
   */
  <T> CompletableFuture<T> of(Supplier<CompletableFuture<T>> request, Consumer<T> late) {
    // Also when it is given up at once: the request is what releases the data that it is made with.
    return waitFor(new Wait<>(this::failure), request.get(), late);
  }

  private NbdException failure() {
    return NbdException.harmless(NbdError.EIO, why());
  }

  private String why() {
    return "volume " + suid + " is not needed any more";
  }

  private <T> CompletableFuture<T> waitFor(
      Wait<T> wait, CompletableFuture<T> request, Consumer<T> late) {
    waiting.add(wait);
    request.whenComplete(
        (answer, failure) -> {
          waiting.remove(wait);
          land(wait.answer, answer, failure, late);
        });
    if (ended) {
      wait.giveUp();
    }
    return wait.answer;
  }

  private static <T> void land(
      CompletableFuture<T> to, @Nullable T answer, @Nullable Throwable failure, Consumer<T> late) {
    if (failure != null) {
      to.completeExceptionally(Failures.causeOf(failure));
    } else if (!to.complete(answer) && answer != null) {
      late.accept(answer);
    }
  }

  /** The links to other nodes, as this volume uses them. */
  Links links(Links links) {
    return new Links() {
      @Override
      public Optional<Link> to(String node) {
        Optional<Link> link = links.to(node);
        return link.map(Through::new);
      }

      @Override
      public List<String> nodes() {
        return links.nodes();
      }
    };
  }

  /** A link whose calls are given up with the others. */
  private final class Through implements Link {
    private final Link link;

    Through(Link link) {
      this.link = link;
    }

    @Override
    public String node() {
      return link.node();
    }

    @Override
    public boolean isUp() {
      return link.isUp();
    }

    @Override
    public long roundTripNanos() {
      return link.roundTripNanos();
    }

    @Override
    public CompletableFuture<LinkReply> call(
        LinkRequest request, Priority priority, Duration limit) {
      return call(request, () -> link.call(request, priority, limit));
    }

    @Override
    public CompletableFuture<LinkReply> call(
        LinkRequest request, Priority priority, Duration limit, CompletableFuture<Void> until) {
      return call(request, () -> link.call(request, priority, limit, until));
    }

    private CompletableFuture<LinkReply> call(
        LinkRequest request, Supplier<CompletableFuture<LinkReply>> send) {
      if (ended) {
        request.payload().release();
        return CompletableFuture.failedFuture(new LinkException(why(), true));
      }
      return waitFor(
          new Wait<>(() -> new LinkException(why(), false)),
          send.get(),
          reply -> reply.payload().release());
    }
  }
}
