package dev.wherry.daemon.share;

import dev.wherry.daemon.node.NodeRegistry;
import dev.wherry.daemon.volume.Refusal;
import dev.wherry.path.link.Link;
import dev.wherry.path.link.LinkReply;
import dev.wherry.path.link.LinkRequest;
import dev.wherry.path.link.Op;
import dev.wherry.path.link.Priority;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.time.Duration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Asks other nodes about their parts in volumes; {@link PeerRequests} answers there. Blocks. */
final class PeerQuestions {
  private static final Logger log = LoggerFactory.getLogger(PeerQuestions.class);
  private static final Duration TELL_LIMIT = Duration.ofSeconds(5);

  /** So that it is the link that says that the limit is over. */
  private static final Duration GRACE = Duration.ofSeconds(5);

  private final NodeRegistry nodes;

  PeerQuestions(NodeRegistry nodes) {
    this.nodes = nodes;
  }

  /**
   * Asks; returns when it is done there, or throws a {@link Refusal} that says why it is not.
   *
   * @param payload released
   * @param limit how long the other node may take
   */
  void ask(Link link, Op op, String suid, long epoch, ByteBuf payload, Duration limit) {
    LinkReply reply =
        Refusals.await(
            link.call(
                LinkRequest.of(op, suid, epoch, 0, 0).withPayload(payload),
                Priority.CONTROL,
                limit),
            limit.plus(GRACE),
            "asking node " + link.node());
    reply.payload().release();
    if (!reply.isOk()) {
      throw Refusals.of(link.node(), reply);
    }
  }

  /** Asks without insisting; true if it was done, or there was nothing to do. */
  boolean tell(String node, Op op, String suid, long epoch) {
    try {
      ask(nodes.online(node), op, suid, epoch, Unpooled.EMPTY_BUFFER, TELL_LIMIT);
      return true;
    } catch (Refusal e) {
      log.info("volume {}: {} is not done: {}", suid, op, e.getMessage());
      return e.kind() == Refusal.Kind.UNKNOWN && !e.getMessage().isEmpty();
    }
  }
}
