/**
 * The read policy {@code move}, and the background move that it calls for: brings to this node what
 * is not here yet, out of the way of the hosts.
 */
@NullMarked
package dev.wherry.path.move;

import org.jspecify.annotations.NullMarked;
