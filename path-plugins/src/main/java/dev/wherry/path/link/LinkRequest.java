package dev.wherry.path.link;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;

/**
 * A request to another node.
 *
 * @param suid the volume; empty where the request is about none
 * @param epoch of the ownership that the sender knows of, 0 or more; a node that knows a newer one
 *     refuses the request
 * @param offset in bytes; its meaning is the operation's
 * @param length in bytes; its meaning is the operation's
 * @param flags of {@link dev.wherry.nbd.Export}, or the operation's own
 * @param payload data; empty where there is none
 */
public record LinkRequest(
    Op op, String suid, long epoch, long offset, long length, int flags, ByteBuf payload) {

  public LinkRequest {
    if (epoch < 0 || offset < 0 || length < 0) {
      throw new IllegalArgumentException(
          op + " epoch " + epoch + " offset " + offset + " length " + length);
    }
  }

  /** A request without data. */
  public static LinkRequest of(Op op, String suid, long epoch, long offset, long length) {
    return new LinkRequest(op, suid, epoch, offset, length, 0, Unpooled.EMPTY_BUFFER);
  }

  public LinkRequest withFlags(int value) {
    return new LinkRequest(op, suid, epoch, offset, length, value, payload);
  }

  public LinkRequest withPayload(ByteBuf value) {
    return new LinkRequest(op, suid, epoch, offset, length, flags, value);
  }
}
