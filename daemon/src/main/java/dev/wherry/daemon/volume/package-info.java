/**
 * The volumes of this node. {@link dev.wherry.daemon.volume.VolumeRegistry} creates, opens, changes
 * and deletes them, on threads that may block; {@link dev.wherry.daemon.volume.VolumeDirectory}
 * finds them for NBD clients, on event loops.
 */
@NullMarked
package dev.wherry.daemon.volume;

import org.jspecify.annotations.NullMarked;
