package dev.wherry.nbd.client;

import java.util.ArrayDeque;
import java.util.List;
import java.util.function.Consumer;

/** The commands of a replay, some at a time. */
final class Replay {
  private static final int WINDOW = 64;

  private final ArrayDeque<Command> left;
  private int inFlight;

  Replay(List<Command> commands) {
    left = new ArrayDeque<>(commands);
  }

  int size() {
    return left.size();
  }

  /** Sends as much as may be under way at once; true if all of it is answered. */
  boolean advance(Consumer<Command> send) {
    while (inFlight < WINDOW && !left.isEmpty()) {
      inFlight++;
      send.accept(left.remove());
    }
    return inFlight == 0;
  }

  void answered(Command c) {
    inFlight--;
    c.releasePayload();
  }

  /** Lets go of what was not sent. */
  void abandon() {
    left.forEach(Command::releasePayload);
    left.clear();
  }
}
