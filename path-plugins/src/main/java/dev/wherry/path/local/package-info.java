/**
 * The plain path handler: a volume is its device. What {@code volume create} uses unless told
 * otherwise, and the shortest example of a handler. Adds no thread and no state.
 */
@NullMarked
package dev.wherry.path.local;

import org.jspecify.annotations.NullMarked;
