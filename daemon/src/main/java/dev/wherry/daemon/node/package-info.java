/**
 * The other nodes: which were added, how they are reached, and how the link to each stands. Called
 * by REST on threads that may block; what only looks is safe anywhere.
 */
@NullMarked
package dev.wherry.daemon.node;

import org.jspecify.annotations.NullMarked;
