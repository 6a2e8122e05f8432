package dev.wherry.path.shared;

import dev.wherry.path.BlockDevice;
import dev.wherry.path.ReadPolicies;
import dev.wherry.path.link.Links;
import dev.wherry.path.map.BlockMap;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ScheduledExecutorService;
import java.util.function.Function;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * What a {@link SharedVolume} is made of.
 *
 * @param suid the volume
 * @param node this node's name
 * @param store this node's device, or null where it keeps nothing; owned
 * @param size of the volume in bytes
 * @param blockSize the block map's unit in bytes
 * @param map the map that the state names, or null where it names none; owned
 * @param links the ways to other nodes
 * @param readPolicies those that the state may name
 * @param sources opens an NBD server that is a source
 * @param log the durable memory
 * @param timer for limits and the background
 * @param nanoClock as {@link System#nanoTime}
 * @param ioTimeout how long a host's request waits for another node
 * @param following how a source follows, here and at another node
 * @param boot tells one boot of the operating system from others: what was written to the store and
 *     not flushed lives as long as that
 * @param unflushed what hosts have not flushed, also from before this engine was put here
 */
public record Parts(
    String suid,
    String node,
    @Nullable BlockDevice store,
    long size,
    int blockSize,
    @Nullable BlockMap map,
    Links links,
    ReadPolicies readPolicies,
    Function<String, CompletableFuture<Source>> sources,
    ShareLog log,
    ScheduledExecutorService timer,
    LongSupplier nanoClock,
    Duration ioTimeout,
    Following following,
    String boot,
    Unflushed unflushed) {}
