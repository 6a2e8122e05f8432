/**
 * The block map: for every block of a volume whether it is on this node, and how it relates to the
 * store that it comes from.
 */
@NullMarked
package dev.wherry.path.map;

import org.jspecify.annotations.NullMarked;
