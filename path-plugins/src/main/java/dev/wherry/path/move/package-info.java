/** The background move: brings to this node what is not here yet, out of the way of the hosts. */
@NullMarked
package dev.wherry.path.move;

import org.jspecify.annotations.NullMarked;
