package dev.wherry.path.shared.model;

/** Named points at which an accident may happen. */
@FunctionalInterface
interface Faults {
  /** A point that lasts so short that some accidents wait for it. */
  String RARE = "state put, what is outdated in the map with it";

  /**
   * Something of a life is at this point. The life may be dead when the call returns.
   *
   * @param point for the history
   */
  void at(String point, Life life);
}
