package dev.wherry.path.shared;

import dev.wherry.nbd.Export;
import java.util.concurrent.CompletableFuture;

/** A host's change of blocks under {@link WritePolicy#THROUGH} or {@link WritePolicy#BACK}. */
abstract class Change {
  private final long first;
  private final long end;
  private final boolean fua;
  private final long deadline;
  private final CompletableFuture<Void> result = new CompletableFuture<>();

  /**
   * @param flags of the request: {@link Export#FUA} counts
   * @param deadline how long it waits for room in a batch, on the clock of its writer
   */
  Change(int blockSize, long offset, long length, int flags, long deadline) {
    this.first = offset / blockSize;
    this.end = length == 0 ? first : (offset + length - 1) / blockSize + 1;
    this.fua = (flags & Export.FUA) != 0;
    this.deadline = deadline;
  }

  long first() {
    return first;
  }

  long end() {
    return end;
  }

  boolean isFua() {
    return fua;
  }

  long deadline() {
    return deadline;
  }

  /** What the host waits for, without what {@link #isFua} asks for. */
  CompletableFuture<Void> result() {
    return result;
  }

  /** Does it in the own store. */
  abstract CompletableFuture<Void> own();

  /**
   * Does it in the source.
   *
   * @param own ends with the own store's part
   * @param whole the source is to get whole blocks
   */
  abstract CompletableFuture<Void> mirror(CompletableFuture<Void> own, boolean whole);
}
