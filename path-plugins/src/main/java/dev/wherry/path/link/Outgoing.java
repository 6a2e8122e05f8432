package dev.wherry.path.link;

import io.netty.buffer.ByteBuf;

/** A message on its way out. The payload is a reference of its own. */
final class Outgoing {
  final int cls;
  final long sequence;
  final Head head;
  final ByteBuf payload;

  /** Where the next piece begins. */
  int at;

  boolean begun;

  /**
   * @param payload shared, not consumed; must not change until it was sent
   */
  Outgoing(int cls, long sequence, Head head, ByteBuf payload) {
    this.cls = cls;
    this.sequence = sequence;
    this.head = head;
    this.payload = payload.retainedDuplicate();
    this.at = payload.readerIndex();
  }

  boolean isSent() {
    return begun && at == payload.writerIndex();
  }
}
