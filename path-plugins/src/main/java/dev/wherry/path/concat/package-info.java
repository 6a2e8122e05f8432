/**
 * Several devices that appear as one: what repeated {@code --backing} makes. A request that crosses
 * from one to the next is split, and its parts run together, on the threads of the devices.
 */
@NullMarked
package dev.wherry.path.concat;

import org.jspecify.annotations.NullMarked;
