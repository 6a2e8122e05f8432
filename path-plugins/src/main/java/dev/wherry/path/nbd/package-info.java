/**
 * {@code nbd://HOST[:PORT]/EXPORT}, {@code nbds://…}, {@code nbd+unix:///EXPORT?socket=PATH} and
 * {@code nbds+unix://…}: a device that is an export of another NBD server, through {@link
 * dev.wherry.nbd.client.NbdClient}. A server that goes away and comes back is a pause, up to the
 * daemon's I/O timeout; what it forgot of what was written and not flushed is written again.
 */
@NullMarked
package dev.wherry.path.nbd;

import org.jspecify.annotations.NullMarked;
