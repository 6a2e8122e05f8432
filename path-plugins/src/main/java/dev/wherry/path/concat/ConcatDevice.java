package dev.wherry.path.concat;

import dev.wherry.nbd.ExportInfo;
import dev.wherry.nbd.Extent;
import dev.wherry.nbd.FileSlice;
import dev.wherry.nbd.NbdError;
import dev.wherry.path.Answers;
import dev.wherry.path.BlockDevice;
import dev.wherry.path.ByteSize;
import dev.wherry.path.concat.Layout.Piece;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.CompositeByteBuf;
import io.netty.buffer.Unpooled;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Devices one after the other, which it owns. It can do what all of them can; its blocks are the
 * largest of theirs. A request that crosses from one to the next fails if any of its parts does,
 * and ends when all of them have.
 */
public final class ConcatDevice implements BlockDevice {
  private record Seen(List<ExportInfo> parts, ExportInfo whole) {}

  private final List<BlockDevice> parts;
  private final Layout layout;
  private volatile Seen seen;

  /**
   * @param parts one or more; they stay the caller's if this throws
   * @throws dev.wherry.path.DeviceException if the size of a part does not fit the blocks of
   *     another
   */
  public ConcatDevice(List<BlockDevice> parts) {
    if (parts.isEmpty()) {
      throw new IllegalArgumentException("a concatenation of no devices");
    }
    this.parts = List.copyOf(parts);
    this.layout = Layout.of(this.parts);
    this.seen = look();
  }

  private Seen look() {
    List<ExportInfo> infos = parts.stream().map(BlockDevice::info).toList();
    int last = parts.size() - 1;
    return new Seen(infos, ConcatInfo.of(infos, layout.startOf(last) + infos.get(last).size()));
  }

  @Override
  public ExportInfo info() {
    Seen now = seen;
    for (int i = 0; i < parts.size(); i++) {
      if (!parts.get(i).info().equals(now.parts.get(i))) {
        now = look();
        seen = now;
        break;
      }
    }
    return now.whole;
  }

  // ------------------------------------------------------------------ requests

  @Override
  public CompletableFuture<ByteBuf> read(long offset, int length) {
    int first = layout.partAt(offset);
    if (layout.inOnePart(offset, length)) {
      return parts.get(first).read(offset - layout.startOf(first), length);
    }
    List<CompletableFuture<ByteBuf>> reads = new ArrayList<>();
    for (Piece p : layout.pieces(offset, length)) {
      reads.add(parts.get(p.part()).read(p.at(), (int) p.length()));
    }
    return Answers.join(reads)
        .handle(
            (v, t) -> {
              if (t != null) {
                reads.stream().filter(r -> !r.isCompletedExceptionally()).forEach(this::drop);
                throw new CompletionException(t);
              }
              CompositeByteBuf whole = Unpooled.compositeBuffer(reads.size());
              reads.forEach(r -> whole.addComponent(true, r.join()));
              return whole;
            });
  }

  private void drop(CompletableFuture<ByteBuf> read) {
    read.join().release();
  }

  @Override
  public CompletableFuture<Void> write(long offset, ByteBuf data, int flags) {
    return each(
        offset,
        data.readableBytes(),
        p -> {
          int from = data.readerIndex() + (int) p.from();
          ByteBuf piece = data.slice(from, (int) p.length());
          return parts.get(p.part()).write(p.at(), piece, flags);
        });
  }

  @Override
  public CompletableFuture<Void> trim(long offset, long length, int flags) {
    return each(offset, length, p -> parts.get(p.part()).trim(p.at(), p.length(), flags));
  }

  @Override
  public CompletableFuture<Void> zero(long offset, long length, int flags) {
    return each(offset, length, p -> parts.get(p.part()).zero(p.at(), p.length(), flags));
  }

  @Override
  public CompletableFuture<Void> cache(long offset, long length) {
    return each(offset, length, p -> parts.get(p.part()).cache(p.at(), p.length()));
  }

  private CompletableFuture<Void> each(
      long offset, long length, Function<Piece, CompletableFuture<Void>> request) {
    return Answers.join(layout.pieces(offset, length).stream().map(request).toList());
  }

  @Override
  public CompletableFuture<Void> flush() {
    return Answers.join(parts.stream().map(BlockDevice::flush).toList());
  }

  @Override
  public CompletableFuture<List<Extent>> status(
      String context, long offset, long length, int maxExtents) {
    List<Piece> pieces = layout.pieces(offset, length);
    List<CompletableFuture<List<Extent>>> answers = new ArrayList<>();
    // No more parts than there may be extents can matter.
    for (Piece p : pieces.subList(0, Math.min(maxExtents, pieces.size()))) {
      answers.add(parts.get(p.part()).status(context, p.at(), p.length(), maxExtents));
    }
    return Answers.join(answers).thenApply(v -> line(pieces, answers, maxExtents));
  }

  /** Puts answers one after the other, up to the first that ends early. */
  private static List<Extent> line(
      List<Piece> pieces, List<CompletableFuture<List<Extent>>> answers, int maxExtents) {
    List<Extent> all = new ArrayList<>();
    for (int i = 0; i < answers.size(); i++) {
      List<Extent> extents = answers.get(i).join();
      all.addAll(extents);
      if (extents.stream().mapToLong(Extent::length).sum() < pieces.get(i).length()) {
        break;
      }
    }
    return all.size() <= maxExtents ? all : List.copyOf(all.subList(0, maxExtents));
  }

  // ------------------------------------------------------------------ attempts: in one part only

  @Override
  public boolean tryRead(long offset, int length, ByteBuf into) {
    int part = layout.partAt(offset);
    return layout.inOnePart(offset, length)
        && parts.get(part).tryRead(offset - layout.startOf(part), length, into);
  }

  @Override
  public boolean tryWrite(long offset, ByteBuf data) {
    int part = layout.partAt(offset);
    return layout.inOnePart(offset, data.readableBytes())
        && parts.get(part).tryWrite(offset - layout.startOf(part), data);
  }

  @Override
  public @Nullable FileSlice trySend(long offset, int length) {
    int part = layout.partAt(offset);
    return layout.inOnePart(offset, length)
        ? parts.get(part).trySend(offset - layout.startOf(part), length)
        : null;
  }

  // ------------------------------------------------------------------ life

  @Override
  public String describe() {
    return parts.stream().map(BlockDevice::describe).collect(Collectors.joining(" + "));
  }

  /** Resizes the last device. The ones before it keep their sizes. */
  @Override
  public CompletableFuture<Void> resize(long size) {
    int last = parts.size() - 1;
    long rest = size - layout.startOf(last);
    if (rest < 0 || rest % info().minBlock() != 0) {
      return Answers.failed(
          NbdError.ENOTSUP,
          "size %s: a concatenation changes only its last device, %s, which starts at %s"
              .formatted(
                  ByteSize.format(size),
                  parts.get(last).describe(),
                  ByteSize.format(layout.startOf(last))));
    }
    return parts.get(last).resize(rest);
  }

  /** Closes all; a failure of one does not spare the others. */
  @Override
  public CompletableFuture<Void> close() {
    return Answers.join(parts.stream().map(BlockDevice::close).toList());
  }
}
