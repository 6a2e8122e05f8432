package dev.wherry.nbd.server;

import static dev.wherry.nbd.Wire.CMD_FLAG_PAYLOAD_LEN;
import static dev.wherry.nbd.Wire.CMD_FLAG_REQ_ONE;

import dev.wherry.nbd.Export;
import dev.wherry.nbd.Extent;
import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import dev.wherry.nbd.server.SessionMode.Context;
import io.netty.buffer.ByteBuf;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * Answers BLOCK_STATUS: asks the export once per context and puts the answers into one reply of a
 * chunk per context.
 */
final class StatusCollector {
  /** The most extents of one answer; the client asks again for the rest. */
  private static final int MAX_EXTENTS = 4096;

  private final Export export;
  private final SessionMode mode;

  StatusCollector(Export export, SessionMode mode) {
    this.export = export;
    this.mode = mode;
  }

  /** What the contexts say, in the order of the contexts. */
  record Answers(List<Context> contexts, List<List<Extent>> extents) {
    void encode(Replies replies, Outbound out, long cookie, long offset) {
      for (int i = 0; i < contexts.size(); i++) {
        List<Extent> list = extents.get(i);
        ByteBuf b = out.room(replies.statusLength(list.size()), 0);
        boolean last = i == contexts.size() - 1;
        replies.status(b, last, cookie, offset, contexts.get(i).id(), list);
      }
    }
  }

  CompletableFuture<Answers> collect(Request r, ByteBuf payload) {
    List<Context> contexts = mode.contexts();
    if (mode.extended() && (r.flags & CMD_FLAG_PAYLOAD_LEN) != 0) {
      contexts = chosen(payload);
    }
    int most = (r.flags & CMD_FLAG_REQ_ONE) != 0 ? 1 : MAX_EXTENTS;
    List<Context> asked = contexts;
    long offset = r.offset;
    long length = r.length;
    List<CompletableFuture<List<Extent>>> answers = new ArrayList<>();
    for (Context c : asked) {
      answers.add(export.status(c.name(), offset, length, most));
    }
    return CompletableFuture.allOf(answers.toArray(CompletableFuture[]::new))
        .thenApply(
            v ->
                new Answers(
                    asked, answers.stream().map(a -> within(a.join(), length, most)).toList()));
  }

  /** Holds the export to its word: a client would take what is wrong here for corruption. */
  private static List<Extent> within(List<Extent> extents, long length, int most) {
    long sum = 0;
    for (Extent e : extents) {
      sum += e.length();
      if (sum < 0 || sum > length) {
        throw new IllegalStateException("the export's extents go beyond " + length + " bytes");
      }
    }
    if (extents.isEmpty() || extents.size() > most) {
      throw new IllegalStateException("the export gave " + extents.size() + " extents of " + most);
    }
    return extents;
  }

  /** "Block status payload": effect length:64, then context ids:32. */
  private List<Context> chosen(ByteBuf payload) {
    int ids = (payload.readableBytes() - 8) / 4;
    List<Context> chosen = new ArrayList<>();
    for (int i = 0; i < ids; i++) {
      int id = payload.getInt(payload.readerIndex() + 8 + 4 * i);
      Context found = null;
      for (Context c : mode.contexts()) {
        if (c.id() == id) {
          found = c;
        }
      }
      if (found == null || chosen.contains(found)) {
        throw new NbdException(
            NbdError.EINVAL, "context id " + Integer.toUnsignedString(id) + " was not negotiated");
      }
      chosen.add(found);
    }
    return chosen;
  }
}
