/** The daemon as a process of its host: its directory, its lock, its log, what it tells systemd. */
@NullMarked
package dev.wherry.daemon.process;

import org.jspecify.annotations.NullMarked;
