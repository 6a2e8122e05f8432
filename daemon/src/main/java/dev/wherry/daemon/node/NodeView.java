package dev.wherry.daemon.node;

import org.jspecify.annotations.Nullable;

/**
 * A node as REST shows it.
 *
 * @param name what it is called
 * @param id its uuid, or null while it was not spoken to
 * @param link HOST:PORT where other nodes connect
 * @param self it is this node
 * @param state {@code online}, {@code offline} (not reached) or {@code refused} (reached, and not
 *     what was expected)
 * @param reason why it is not online, else empty
 * @param roundTripMillis the smallest of the last minute; 0 while unknown
 * @param rawBytes sent and received over the link, before compression
 * @param wireBytes sent and received over the link, as they went over the network
 */
public record NodeView(
    String name,
    @Nullable String id,
    String link,
    boolean self,
    String state,
    String reason,
    double roundTripMillis,
    long rawBytes,
    long wireBytes) {}
