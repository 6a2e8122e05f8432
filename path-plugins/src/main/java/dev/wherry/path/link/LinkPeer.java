package dev.wherry.path.link;

/**
 * A node that was added, as {@code node list} shows it.
 *
 * @param reason why the state is not {@link LinkState#UP}, for people; else empty
 * @param roundTripNanos the smallest of the last minute, or 0
 * @param traffic with this node, on the connections of both directions
 */
public record LinkPeer(
    String name,
    String address,
    LinkState state,
    String reason,
    long roundTripNanos,
    LinkStats traffic) {}
