/**
 * wherryd itself: start, serve, stop. {@link dev.wherry.daemon.Daemon} puts together what is laid
 * first ({@code Base}), what hosts ({@code NbdPart}), other nodes ({@code NodesPart}) and operators
 * ({@code RestPart}) connect to; {@code Stops} takes it apart again. {@code Rehearsal} plays
 * hand-overs before the first real one.
 */
@NullMarked
package dev.wherry.daemon;

import org.jspecify.annotations.NullMarked;
