/**
 * A range of a device as a device of its own: what a volume gets whose {@code --size} is smaller
 * than its backing. Requests go through on the caller's thread, moved by the start of the range.
 */
@NullMarked
package dev.wherry.path.slice;

import org.jspecify.annotations.NullMarked;
