package dev.wherry.path.link;

import dev.wherry.nbd.NbdError;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import org.jspecify.annotations.Nullable;

/**
 * The answer to a {@link LinkRequest}.
 *
 * @param status how it ended
 * @param error with {@link Status#ERROR} what a host is told, else null
 * @param epoch of the ownership that the answering node knows of
 * @param text with {@link Status#STALE} the owner's name; otherwise why it was refused or failed,
 *     for people; may be empty
 * @param payload data; empty where there is none
 */
public record LinkReply(
    Status status, @Nullable NbdError error, long epoch, String text, ByteBuf payload) {

  /** How a request ended. The ordinal is what goes over the wire: add at the end only. */
  public enum Status {
    OK,
    /**
     * Nothing was done: this node is not what the sender takes it for; {@code text} names the
     * owner.
     */
    STALE,
    /** Nothing was done: not in this state. REST says 409. */
    REFUSED,
    /** Nothing was done: the node has no such volume. REST says 404. */
    UNKNOWN,
    /** Nothing was done: it cannot be done. REST says 422. */
    IMPOSSIBLE,
    /** Nothing was done: no room. REST says 507. */
    NO_SPACE,
    /** It failed. */
    ERROR
  }

  public static LinkReply ok(long epoch, ByteBuf payload) {
    return new LinkReply(Status.OK, null, epoch, "", payload);
  }

  public static LinkReply ok(long epoch) {
    return ok(epoch, Unpooled.EMPTY_BUFFER);
  }

  public static LinkReply stale(long epoch, String owner) {
    return new LinkReply(Status.STALE, null, epoch, owner, Unpooled.EMPTY_BUFFER);
  }

  public static LinkReply not(Status status, long epoch, String why) {
    return new LinkReply(status, null, epoch, why, Unpooled.EMPTY_BUFFER);
  }

  public static LinkReply error(NbdError error, long epoch, String why) {
    return new LinkReply(Status.ERROR, error, epoch, why, Unpooled.EMPTY_BUFFER);
  }

  public boolean isOk() {
    return status == Status.OK;
  }
}
