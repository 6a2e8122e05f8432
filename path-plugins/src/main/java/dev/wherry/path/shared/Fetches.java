package dev.wherry.path.shared;

import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import dev.wherry.path.link.Priority;
import io.netty.buffer.ByteBuf;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * Fetches blocks for hosts that wait; one fetch serves all that want the same blocks while it is
 * under way from the same source: another one, of another ownership, may have other data. Fetches
 * in flight are few, so they are kept in a list.
 */
final class Fetches {
  private static final class Flight {
    final Source source;
    final long offset;
    final int length;
    private final List<CompletableFuture<ByteBuf>> waiting = new ArrayList<>(1);

    Flight(Source source, long offset, int length) {
      this.source = source;
      this.offset = offset;
      this.length = length;
    }
  }

  private final List<Flight> flights = new ArrayList<>();

  /**
   * Fetches a range in class DEMAND, or joins who does.
   *
   * @return a buffer that the caller owns and does not write to
   */
  CompletableFuture<ByteBuf> fetch(Source source, long offset, int length) {
    return fetch(source, offset, length, true);
  }

  private CompletableFuture<ByteBuf> fetch(Source source, long offset, int length, boolean join) {
    Flight mine = null;
    CompletableFuture<ByteBuf> result = new CompletableFuture<>();
    synchronized (flights) {
      Flight flight = join ? covering(source, offset, length) : null;
      if (flight == null) {
        mine = new Flight(source, offset, length);
        flights.add(mine);
        mine.waiting.add(result);
      } else {
        int at = (int) (offset - flight.offset);
        CompletableFuture<ByteBuf> whole = new CompletableFuture<>();
        flight.waiting.add(whole);
        // A flight that fails had less time than this request has: it gets one of its own.
        result =
            whole
                .handle(
                    (data, failure) ->
                        failure == null
                            ? CompletableFuture.completedFuture(slice(data, at, length))
                            : fetch(source, offset, length, false))
                .thenCompose(part -> part);
      }
    }
    if (mine != null) {
      Flight flight = mine;
      source
          .fetch(offset, length, Priority.DEMAND)
          .whenComplete((data, failure) -> land(flight, data, failure));
    }
    return result;
  }

  private static ByteBuf slice(ByteBuf data, int at, int length) {
    ByteBuf part = data.retainedSlice(data.readerIndex() + at, length);
    data.release();
    return part;
  }

  private @Nullable Flight covering(Source source, long offset, int length) {
    for (Flight f : flights) {
      if (f.source == source && f.offset <= offset && offset + length <= f.offset + f.length) {
        return f;
      }
    }
    return null;
  }

  private void land(Flight flight, @Nullable ByteBuf data, @Nullable Throwable failure) {
    List<CompletableFuture<ByteBuf>> waiting;
    synchronized (flights) {
      flights.remove(flight);
      waiting = flight.waiting;
    }
    if (failure != null || data == null) {
      NbdException why =
          failure == null
              ? new NbdException(NbdError.EIO, "the source sent nothing")
              : Failures.nbd(failure);
      waiting.forEach(w -> w.completeExceptionally(why));
      return;
    }
    for (CompletableFuture<ByteBuf> w : waiting) {
      w.complete(data.retainedSlice());
    }
    data.release();
  }
}
