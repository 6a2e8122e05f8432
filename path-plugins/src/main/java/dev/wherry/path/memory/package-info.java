/**
 * {@code memory:SIZE}: a device whose bytes are in memory and gone when it is closed. For tests,
 * scratch volumes and measuring everything but the disk. Requests complete on the caller's thread.
 */
@NullMarked
package dev.wherry.path.memory;

import org.jspecify.annotations.NullMarked;
