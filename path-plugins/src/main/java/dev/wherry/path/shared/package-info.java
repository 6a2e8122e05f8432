/**
 * A volume that several nodes have: one of them owns it and answers for its content, the others
 * forward to it, and the blocks lie where they were written last until they are moved.
 */
@NullMarked
package dev.wherry.path.shared;

import org.jspecify.annotations.NullMarked;
