/** Tests of the block map: simulated crashes, damaged files, and what it costs. */
@NullMarked
package dev.wherry.path.map;

import org.jspecify.annotations.NullMarked;
