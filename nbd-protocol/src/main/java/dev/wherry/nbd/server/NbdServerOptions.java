package dev.wherry.nbd.server;

import io.netty.channel.EventLoopGroup;
import io.netty.handler.ssl.SslContext;
import org.jspecify.annotations.Nullable;

/**
 * How a server serves.
 *
 * @param group event loops for all connections; the caller's to shut down, after the server
 * @param directory finds the exports
 * @param limits what it may use
 * @param tls for connections on listeners that offer TLS, or null where none does
 * @param slowNanos a request that takes longer is logged; 0 for never
 */
public record NbdServerOptions(
    EventLoopGroup group,
    ExportDirectory directory,
    ServerLimits limits,
    @Nullable SslContext tls,
    long slowNanos) {}
