package dev.wherry.path.shared;

import dev.wherry.path.link.LinkReply;
import dev.wherry.path.link.LinkReply.Status;
import io.netty.buffer.ByteBuf;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * What a node says to SYNC.
 *
 * <pre>
 *  request   owner's name │ LF │ name of a party │ LF │ …      UTF-8
 *  answer    flags (int) │ names of parties, as {@link Payloads#writeTexts}
 * </pre>
 *
 * The parties tell whether both speak of the same volume, and not of two of one name: unless some
 * node is known to both, nobody believes anything. A request without parties is from a node that is
 * believed as it is; an answer without them is that of the node alone.
 *
 * @param from who says it
 * @param owner whom it names, or null where it knows of no later one than this node, or nothing
 * @param epoch that it knows of
 * @param part whether it has a part in the volume, and does not own it
 * @param kept whether it was the owner, a crash has kept its promise of the ownership, and it does
 *     not know that the taker has come for it: it has all
 */
record Heard(String from, @Nullable String owner, long epoch, boolean part, boolean kept) {
  private static final int PART = 1;
  private static final int KEPT = 2;

  /** The epoch in which the node says that it owns the volume itself; 0 if it does not. */
  long owned() {
    return from.equals(owner) ? epoch : 0;
  }

  /** Nothing: it was not asked, does not answer, or has no such volume. */
  static Heard nothing(String from) {
    return new Heard(from, null, 0, false, false);
  }

  /** Whether a node has a part in the volume that an owner should know of. */
  static boolean hasPart(ShareState s) {
    return s.role() != Role.OWNER;
  }

  private static int flags(ShareState s) {
    return (hasPart(s) ? PART : 0) | (s.isGivenByCrash() ? KEPT : 0);
  }

  static ByteBuf request(ShareState s, String self) {
    String parties = String.join("\n", s.parties(self));
    ByteBuf out = Payloads.buffer(64);
    out.writeCharSequence(s.owner() + "\n" + parties, StandardCharsets.UTF_8);
    return out;
  }

  /** The owner that a request names, and the parties. */
  static List<String> readRequest(ByteBuf in) {
    return Arrays.asList(in.toString(StandardCharsets.UTF_8).split("\n", -1));
  }

  /** Whether a request is about the volume that a node has. */
  static boolean isOfOne(List<String> request, ShareState s, String self) {
    return request.size() < 2 || meet(request.subList(1, request.size()), s, self);
  }

  private static boolean meet(Iterable<String> names, ShareState s, String self) {
    Set<String> known = s.parties(self);
    for (String name : names) {
      if (known.contains(name)) {
        return true;
      }
    }
    return false;
  }

  /** The answer, with what the asking node has to know of this one. */
  static LinkReply answer(LinkReply reply, ShareState s, String self) {
    ByteBuf out = Payloads.buffer(64).writeInt(flags(s));
    Payloads.writeTexts(List.copyOf(s.parties(self)), out);
    return new LinkReply(reply.status(), reply.error(), reply.epoch(), reply.text(), out);
  }

  /** Reads an answer; releases it. */
  static Heard read(String from, LinkReply reply, ShareState s, String self) {
    try {
      if (!reply.isOk() && reply.status() != Status.STALE) {
        return nothing(from);
      }
      ByteBuf in = reply.payload();
      int flags = in.readableBytes() < 4 ? 0 : in.readInt();
      Set<String> parties = new TreeSet<>(in.isReadable() ? Payloads.readTexts(in) : List.of());
      parties.add(from);
      if (!meet(parties, s, self)) {
        return nothing(from);
      }
      String owner = reply.status() == Status.STALE ? reply.text() : null;
      return new Heard(from, owner, reply.epoch(), (flags & PART) != 0, (flags & KEPT) != 0);
    } catch (IllegalArgumentException e) {
      return nothing(from);
    } finally {
      reply.payload().release();
    }
  }
}
