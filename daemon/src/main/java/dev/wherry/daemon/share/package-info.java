/**
 * Volumes that several nodes have, as far as the daemon has a hand in them: {@link
 * dev.wherry.daemon.share.Sharing} does what operators ask for, {@link
 * dev.wherry.daemon.share.PeerRequests} answers other nodes, {@link
 * dev.wherry.daemon.share.Engines} puts {@link dev.wherry.path.shared.SharedVolume} on stores and
 * gives it a memory. What blocks runs on threads made for that, never on an event loop.
 */
@NullMarked
package dev.wherry.daemon.share;

import org.jspecify.annotations.NullMarked;
