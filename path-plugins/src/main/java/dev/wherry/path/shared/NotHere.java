package dev.wherry.path.shared;

/** The failure of a read of data that the owner has not got and may not fetch. */
final class NotHere {
  /** Also what tells a former owner that its own store may answer. */
  static final String MESSAGE = "the data is not on this node";

  private NotHere() {}
}
