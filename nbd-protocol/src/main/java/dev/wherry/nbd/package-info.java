/**
 * The vocabulary of the NBD protocol: commands, options, flags, errors, and {@link
 * dev.wherry.nbd.Export}, the thing that a server serves and a client offers.
 *
 * <p>Both {@code dev.wherry.nbd.server} and {@code dev.wherry.nbd.client} build on it, and so does
 * every block device of Wherry. Nothing here has a thread of its own.
 */
@NullMarked
package dev.wherry.nbd;

import org.jspecify.annotations.NullMarked;
