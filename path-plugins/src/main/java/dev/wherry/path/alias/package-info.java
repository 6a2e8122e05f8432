/**
 * {@code wherry:SUID}: another volume's device. Requests go through that volume, so its being
 * suspended, swapped or failed is felt here too. On the threads that the target uses.
 */
@NullMarked
package dev.wherry.path.alias;

import org.jspecify.annotations.NullMarked;
