/** What is made ready behind the ready line, so that nobody waits for it later. */
@NullMarked
package dev.wherry.daemon.warm;

import org.jspecify.annotations.NullMarked;
