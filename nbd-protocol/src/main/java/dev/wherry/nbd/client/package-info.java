/**
 * The NBD client: {@link dev.wherry.nbd.client.NbdClient} is an {@link dev.wherry.nbd.Export} that
 * lies on another NBD server. It reconnects, and replays what was written and not yet flushed.
 */
@NullMarked
package dev.wherry.nbd.client;

import org.jspecify.annotations.NullMarked;
