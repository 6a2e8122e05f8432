package dev.wherry.path.move;

import java.util.function.LongSupplier;

/**
 * How large the next piece of data is and when it may leave: what the path takes ({@link
 * DelayWindow}, {@link PieceSize}), and what the hosts and the operator leave of it ({@link Hosts},
 * {@link Pacing}). One thread at a time.
 */
final class Flow {
  /** No time to wait for: something has to come back first. */
  static final long UNTIL_ANSWERED = Long.MAX_VALUE;

  private static final int MOST_ON_WAY = 1024;

  private final DelayWindow window;
  private final PieceSize pieceSize = new PieceSize();
  private final Pacing pacing;
  private final Hosts hosts;
  private long bytesOnWay;
  private boolean heldBack;

  /**
   * @param roundTrip of the path, as {@link Hydrator#roundTripNanos}
   * @param foreground counts the hosts' requests that were answered so far
   */
  Flow(LongSupplier roundTrip, LongSupplier foreground, Mover.Pace pace, long now) {
    window = new DelayWindow(roundTrip, now);
    pacing = new Pacing(pace, now);
    hosts = new Hosts(foreground);
  }

  /** Looks what the hosts do. */
  void update(Mover.Pace pace, long now) {
    pacing.set(pace, now);
    pacing.update(hosts.busy(now), window.bytesPerSecond(), now);
  }

  /**
   * Nanoseconds until a piece may leave, 0 if it may now, or {@link #UNTIL_ANSWERED}.
   *
   * @param onWay requests of any kind that have no answer
   * @param probe the piece goes alone: the window does not matter
   */
  long delay(int onWay, boolean probe, long now) {
    if (pieceSize.update(window.bytesPerSecond())) {
      window.sizeChanged(now);
    }
    if (!probe && bytesOnWay > 0) {
      long most = window.size(pacing.yields() ? pacing.minimum() : 0);
      if (bytesOnWay + Math.min(pieceBytes(), most) > most || onWay >= MOST_ON_WAY) {
        window.full();
        heldBack = false;
        return UNTIL_ANSWERED;
      }
    }
    long held = pacing.delay(now);
    long wait = Math.max(held, window.delay(now));
    if (wait > 0) {
      if (held > 0) {
        heldBack = true;
      } else {
        window.full();
      }
    }
    return wait;
  }

  /** The most bytes of the next piece. */
  long pieceBytes() {
    long bytes = Math.min(pieceSize.bytes(), pacing.mostBytes());
    return pacing.yields() ? Math.min(bytes, PieceSize.POLITE) : bytes;
  }

  /** There was nothing to be sent: what leaves next says nothing of the path's capacity. */
  void starved() {
    heldBack = true;
  }

  /** A piece leaves. */
  void sent(Errand piece, long now) {
    piece.paced = heldBack;
    window.sent(piece, bytesOnWay == 0, now);
    bytesOnWay += piece.size;
    pacing.sent(piece.size, now);
  }

  /** A piece came, or did not. */
  void ended(Errand piece) {
    bytesOnWay -= piece.size;
    if (piece.failure != null) {
      window.lost();
    } else if (2 * piece.fetched >= piece.size) {
      window.came(piece);
    }
  }
}
