package dev.wherry.path;

import java.util.concurrent.CompletableFuture;

/**
 * Somebody who may still hold on to a volume's device after a request has ended: a connection whose
 * replies are file regions that are not sent yet.
 */
@FunctionalInterface
public interface SuspendListener {
  /**
   * The volume is being suspended: it hands nothing out any more. The listener lets go of what it
   * has, by copying it to memory.
   *
   * <p>Called on the thread that suspends, which may hold nothing that the listener waits for. A
   * listener that belongs to an event loop does its work in a task of that loop: so it sees also
   * what the loop got just before the volume shut.
   *
   * @return done when the device is no longer referred to; a failure fails the suspension. A
   *     listener that cannot copy drops its connection rather than fail
   */
  CompletableFuture<Void> suspending();
}
