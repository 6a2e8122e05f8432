/**
 * Volumes that several nodes have, as far as the daemon has a hand in them. What operators ask for:
 * {@link dev.wherry.daemon.share.Sharing} (who has a part), {@link
 * dev.wherry.daemon.share.HandOvers} (who owns it), {@link dev.wherry.daemon.share.SharePolicies}
 * (how it is emulated), {@link dev.wherry.daemon.share.Removal}. What other nodes ask for: {@link
 * dev.wherry.daemon.share.PeerRequests}. Beneath both, {@link dev.wherry.daemon.share.Engines} puts
 * {@link dev.wherry.path.shared.SharedVolume} on stores and gives it a memory. {@link
 * dev.wherry.daemon.share.PartsOfNode} puts them together. What blocks runs on threads made for
 * that, never on an event loop.
 */
@NullMarked
package dev.wherry.daemon.share;

import org.jspecify.annotations.NullMarked;
