package dev.wherry.path.shared.model;

import dev.wherry.nbd.NbdError;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** A host's request, and what became of it. Its number is what it writes. */
final class HostOp {
  enum Kind {
    READ,
    WRITE,
    ZERO,
    TRIM,
    FLUSH,
    STATUS
  }

  final int number;
  final Life life;
  final Kind kind;
  final int from;
  final int end;
  final boolean fua;
  final long began;
  final long beganNanos;

  /** When it was answered; {@link Long#MAX_VALUE} before, and if that is not known. */
  long ended = Long.MAX_VALUE;

  /** It was answered, and the answer was success. */
  boolean ok;

  long overNanos;

  /** Nobody waits for the answer any more. */
  boolean over;

  /** It was made where somebody else was already forced to be the owner. */
  boolean fenced;

  /**
   * Another node died meanwhile: if that was the owner, its next life is asked again, so the
   * request may be executed more than once before it is answered.
   */
  boolean repeated;

  @Nullable NbdError error;

  HostOp(int number, Life life, Kind kind, int from, int end, boolean fua, long began, long nanos) {
    this.number = number;
    this.life = life;
    this.kind = kind;
    this.from = from;
    this.end = end;
    this.fua = fua;
    this.began = began;
    this.beganNanos = nanos;
  }

  boolean changes() {
    return kind == Kind.WRITE || kind == Kind.ZERO || kind == Kind.TRIM;
  }

  /** What a cell holds that it changed. */
  int stamp() {
    return kind == Kind.WRITE ? number : 0;
  }

  @Override
  public String toString() {
    return String.format(
        Locale.ROOT,
        "%s %s %d%s%s",
        life,
        kind,
        number,
        kind == Kind.FLUSH ? "" : " of cells " + from + ".." + (end - 1),
        fua ? " FUA" : "");
  }
}
