/** The read policy {@code pull}: what is not on the owner's node is fetched when it is read. */
@NullMarked
package dev.wherry.path.pull;

import org.jspecify.annotations.NullMarked;
