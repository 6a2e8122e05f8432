/** The read policy {@code fail}: what is not on the owner's node is a cache miss. */
@NullMarked
package dev.wherry.path.fail;

import org.jspecify.annotations.NullMarked;
