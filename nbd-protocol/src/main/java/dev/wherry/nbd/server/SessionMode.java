package dev.wherry.nbd.server;

import java.util.List;

/**
 * What a client negotiated for its transmission phase.
 *
 * @param structured replies come in chunks; implied by {@code extended}
 * @param extended 64-bit request and reply headers
 * @param contexts metadata contexts that BLOCK_STATUS answers, each with the id that replies carry
 */
record SessionMode(boolean structured, boolean extended, List<Context> contexts) {
  record Context(int id, String name) {}
}
