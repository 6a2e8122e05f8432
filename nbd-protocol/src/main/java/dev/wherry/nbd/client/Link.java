package dev.wherry.nbd.client;

import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * A connection that has been negotiated. All of it on the client's event loop. An interface so that
 * the rules of replay can be tested against a server in memory.
 */
interface Link {
  /** Who is told of what happens; never before {@link #start}, never after the link was lost. */
  interface Listener {
    /** The reply to a command is complete. The command is no longer in flight. */
    void answered(Link link, Command command);

    /** The connection is gone, {@link #unanswered} tells what was in flight. Told once. */
    void lost(Link link, Throwable cause);
  }

  Terms terms();

  void start(Listener listener);

  /**
   * Sends a command. Does nothing but remember it as unanswered if the connection is gone. Never
   * calls the listener from within.
   */
  void send(Command command);

  int inFlight();

  /** When something came last, or the first command of those in flight was sent. */
  long quietSince();

  /** Takes the commands without an answer; what came of their replies is dropped. */
  List<Command> unanswered();

  /** Gives the connection up: the listener hears of the loss. */
  void fail(Throwable cause);

  /** Says good-bye and closes; the listener hears nothing more. Completes when it is closed. */
  CompletableFuture<Void> close();
}
