package dev.wherry.path.shared.model;

import dev.wherry.path.link.LinkReply;
import dev.wherry.path.link.LinkRequest;
import dev.wherry.path.link.Op;
import dev.wherry.path.link.Priority;
import dev.wherry.path.shared.SharedVolume;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;

/** Says at a hand-over that all is valid that was ever sent ahead. */
final class ForgetfulOwner extends RealPart {
  private final int blockSize;
  private final TreeSet<Long> sent = new TreeSet<>();

  ForgetfulOwner(SharedVolume volume, int blockSize) {
    super(volume);
    this.blockSize = blockSize;
  }

  @Override
  public CompletableFuture<LinkReply> serve(String from, LinkRequest r, Priority priority) {
    if (r.op() == Op.PRECOPY) {
      for (long b = r.offset() / blockSize; b * blockSize < r.offset() + r.length(); b++) {
        sent.add(b);
      }
    }
    CompletableFuture<LinkReply> served = super.serve(from, r, priority);
    return switch (r.op()) {
      case DIFFERENCES -> served.thenApply(this::allValid);
      case HANDOVER -> served.thenApply(ForgetfulOwner::nothingLost);
      default -> served;
    };
  }

  /** returned (1), next (8), runs: count (4), first (8) and length (8) of each, absent: as runs. */
  private LinkReply allValid(LinkReply reply) {
    ByteBuf in = reply.payload();
    if (!reply.isOk() || in.getBoolean(in.readerIndex())) {
      return reply;
    }
    ByteBuf out = Unpooled.buffer();
    out.writeBoolean(false).writeLong(in.getLong(in.readerIndex() + 1)).writeInt(sent.size());
    sent.forEach(b -> out.writeLong(b).writeLong(1));
    out.writeInt(0);
    in.release();
    return LinkReply.ok(reply.epoch(), out);
  }

  /** returned (1), complete (1), members: count (4) and texts, runs, same, losses (8). */
  private static LinkReply nothingLost(LinkReply reply) {
    ByteBuf in = reply.payload();
    if (!reply.isOk() || in.getBoolean(in.readerIndex())) {
      return reply;
    }
    int at = in.readerIndex() + 2;
    int members = in.getInt(at);
    at += 4;
    for (int i = 0; i < members; i++) {
      at += 4 + in.getInt(at);
    }
    ByteBuf out = Unpooled.buffer();
    out.writeBytes(in, in.readerIndex(), at - in.readerIndex()).writeInt(0).writeInt(0);
    out.writeLong(in.getLong(in.writerIndex() - 8));
    in.release();
    return LinkReply.ok(reply.epoch(), out);
  }
}
