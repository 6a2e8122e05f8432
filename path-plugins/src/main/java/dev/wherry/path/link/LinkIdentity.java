package dev.wherry.path.link;

import java.util.UUID;

/**
 * Who a node is.
 *
 * @param name that operators gave it, 1 to 255 bytes of UTF-8
 * @param uuid that its data directory got when it was made; a name that turns up with another one
 *     is another node
 */
public record LinkIdentity(String name, UUID uuid) {}
