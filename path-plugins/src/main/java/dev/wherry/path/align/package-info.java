/**
 * Makes devices of coarse blocks usable byte by byte: {@link dev.wherry.path.align.AlignedDevice}
 * reads, changes and writes the blocks at the edges of a request under a {@link
 * dev.wherry.path.align.RangeLock}. No threads of its own; everything is asynchronous.
 */
@NullMarked
package dev.wherry.path.align;

import org.jspecify.annotations.NullMarked;
