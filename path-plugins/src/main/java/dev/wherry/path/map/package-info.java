/**
 * The block map: for every block of a volume whether it is on this node, and how it relates to the
 * store that it comes from.
 *
 * <p>States are in plain pages of our own, 16,384 of two bits in 4 KiB, in memory outside the heap.
 * Not Chronicle Map: here it would be memory only, for nothing in it is durable and the truth is in
 * the journal; it compiles for 1.4 to 2.4 s at the first map; the number of its entries is fixed up
 * front; references that are held alias, so that most read other pages; and no page can be given
 * back while an address is held. What is wanted is less: words that change in place, runs over
 * pages that are all alike and take no memory, pages that come and go.
 *
 * <p>Measured by {@code MapBench} on 2 cores of an AMD EPYC with 32 MB of cache, JDK 17, CPU time,
 * medians (the machine was busy, with a load of 15; by the clock it took two to nine times as
 * long):
 *
 * <pre>
 *   a look at a random block, all mixed   44 ns of 2^26 blocks, 69 ns of 2^30
 *   a look at the next block              2.3 ns
 *   a change of a random block            120 ns
 *   memory, all pages mixed               0.25 MB for a million blocks
 *   64 TiB in blocks of 64 KiB, all mixed 269 MB of file, opened in 0.3 s (1.2 to 2.7 by the clock)
 *   the same, all blocks alike            a file of 96 bytes, opened in 1 ms
 * </pre>
 *
 * <p>Huge pages took 51 to 57 ns in place of 69, but opening took 0.7 s of CPU in place of 0.3,
 * most of it for memory that a virtual machine had not touched before; and who changes a block,
 * which may be an event loop, would have to wait for the kernel to find and clear one.
 *
 * <p>Of Chronicle Map 43 ns through an entry and 2 to 20 ns through a captured address were
 * measured before, on its own.
 *
 * <p>Not direct buffers, because the daemon's limit of these is for payloads; not the heap, because
 * that is small. 64 TiB in blocks of 64 KiB take 268 MB if every page is mixed, and as much again
 * at most for what is not committed yet; that is given back after the commit.
 *
 * <p>A file may have any length: that of 34 TiB in blocks of 4 KiB, all mixed, has 2 GiB. It is
 * read in pieces of 1 MiB, and neither kept in memory nor mapped.
 */
@NullMarked
package dev.wherry.path.map;

import org.jspecify.annotations.NullMarked;
