package dev.wherry.nbd.client;

import org.jspecify.annotations.Nullable;

/** Commands whose callers wait, by age: a linked list through the commands themselves. */
final class AgeList {
  private @Nullable Command oldest;
  private @Nullable Command youngest;

  void add(Command c) {
    c.older = youngest;
    if (youngest == null) {
      oldest = c;
    } else {
      youngest.younger = c;
    }
    youngest = c;
  }

  void remove(Command c) {
    Command before = c.older;
    Command after = c.younger;
    if (before == null) {
      oldest = after;
    } else {
      before.younger = after;
    }
    if (after == null) {
      youngest = before;
    } else {
      after.older = before;
    }
    c.older = null;
    c.younger = null;
  }

  @Nullable Command oldest() {
    return oldest;
  }

  boolean isEmpty() {
    return oldest == null;
  }
}
