package dev.wherry.path.link;

/**
 * Who answers at an address, as {@link LinkHub#probe} finds out.
 *
 * @param state {@link LinkState#UP} if it is the node that was asked for; {@link LinkState#REFUSED}
 *     if somebody is there and will have nothing of us, or we of it
 * @param reason why it is not up, for people; else empty
 * @param another it is another node for certain: it has another name, or another identity
 */
public record LinkProbe(LinkState state, String reason, boolean another) {}
