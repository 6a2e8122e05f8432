/**
 * The link between two daemons: what they ask of each other, and how it gets there.
 *
 * <p>{@link dev.wherry.path.link.Link} is all that the rest of the program sees of it: a request
 * goes to a node by name, and its one answer comes back. What carries it (framing, priorities,
 * compression, sessions that survive a torn connection) is in here and nowhere else, so that a test
 * can put a network of its own in its place.
 */
@NullMarked
package dev.wherry.path.link;

import org.jspecify.annotations.NullMarked;
