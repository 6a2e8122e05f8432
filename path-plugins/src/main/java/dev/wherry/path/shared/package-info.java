/**
 * A volume that several nodes have: one of them owns it and answers for its content, the others
 * forward to it, and the blocks lie where they were written last until they are moved.
 *
 * <p>{@link dev.wherry.path.shared.SharedVolume} is the way in; README.md has the whole picture.
 * {@code LayeredStore} is what a node has of the volume, whoever owns it. Nothing here blocks.
 */
@NullMarked
package dev.wherry.path.shared;

import org.jspecify.annotations.NullMarked;
