/**
 * The volumes of this node. {@link dev.wherry.daemon.volume.VolumeRegistry} is the way in: it opens
 * what there was before, and has volumes created and deleted; {@link
 * dev.wherry.daemon.volume.VolumeChanges} changes those that there are. Both on threads that may
 * block. {@link dev.wherry.daemon.volume.VolumeDirectory} finds volumes for NBD clients, on event
 * loops.
 *
 * <p>Beneath them, from the disk up: {@link dev.wherry.daemon.volume.VolumeOpener} opens devices;
 * {@link dev.wherry.daemon.volume.VolumeStores} makes and removes files and records, in an order
 * that a crash does not harm; {@link dev.wherry.daemon.volume.VolumeHandlers} puts handlers on
 * devices; {@code VolumeTable} lists all that there is.
 */
@NullMarked
package dev.wherry.daemon.volume;

import org.jspecify.annotations.NullMarked;
