/**
 * The block map: for every block of a volume whether it is on this node, and how it relates to the
 * store that it comes from.
 *
 * <p>States are in plain pages of our own, mapped from memory files: {@link
 * dev.wherry.path.map.JournaledMap} needs memory only, and in it words that change in place, runs
 * over pages that are all alike, and pages that come and go. Chronicle Map would add 1.4 to 2.4 s
 * at the first map, a number of pages fixed up front, references that alias and pages that must not
 * be given back; its pages (43 ns, 2 to 20 ns through a captured address) would be reached by the
 * same kind of address in the end. {@code MapBench} prints what the plain ones cost.
 *
 * <p>Not direct buffers, because the daemon's limit of these is for payloads; not the heap, because
 * that is small. 64 TiB in blocks of 64 KiB take 268 MB if every page is mixed, and as much again
 * at most for what is not committed yet.
 */
@NullMarked
package dev.wherry.path.map;

import org.jspecify.annotations.NullMarked;
