/**
 * The NBD server: {@link dev.wherry.nbd.server.NbdServer} listens, negotiates and serves the
 * exports that an {@link dev.wherry.nbd.server.ExportDirectory} finds. All of a connection's work
 * happens on its own Netty event loop.
 */
@NullMarked
package dev.wherry.nbd.server;

import org.jspecify.annotations.NullMarked;
