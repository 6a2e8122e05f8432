/** wherryd itself: start, serve, stop. */
@NullMarked
package dev.wherry.daemon;

import org.jspecify.annotations.NullMarked;
