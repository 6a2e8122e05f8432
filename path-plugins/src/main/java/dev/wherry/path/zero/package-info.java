/**
 * {@code zero:SIZE}: reads as zeroes and discards what is written, as dm-zero does. For measuring
 * everything but a device, and as a source of holes. Requests complete on the caller's thread.
 */
@NullMarked
package dev.wherry.path.zero;

import org.jspecify.annotations.NullMarked;
