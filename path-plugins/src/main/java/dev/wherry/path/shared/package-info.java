/**
 * A volume that several nodes have: one of them owns it and answers for its content, the others
 * forward to it, and the blocks lie where they were written last until they are moved.
 *
 * <p>A FLUSH at any node covers what was answered at any node. Since the owner may lose its page
 * cache while the others stay up, its answers carry a count of such losses, and {@link
 * dev.wherry.path.shared.Unflushed} fails the FLUSH that claims what is gone.
 */
@NullMarked
package dev.wherry.path.shared;

import org.jspecify.annotations.NullMarked;
