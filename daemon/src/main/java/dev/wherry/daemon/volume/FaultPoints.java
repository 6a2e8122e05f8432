package dev.wherry.daemon.volume;

/** Named places between the steps of a change, where a test lets the daemon die. */
@FunctionalInterface
interface FaultPoints {
  FaultPoints NONE = point -> {};

  void reach(String point);
}
