package dev.wherry.path;

/**
 * A read policy's name and answers, as it gave them when it was found. A plugin that cannot answer,
 * or answers otherwise later, does no harm to a volume that names it by then.
 */
record StatedPolicy(
    String name,
    boolean isFetched,
    boolean isKept,
    boolean isReadAhead,
    boolean isMoved,
    boolean isNeeded)
    implements ReadPolicy {
  static StatedPolicy of(String name, ReadPolicy policy) {
    return new StatedPolicy(
        name,
        policy.isFetched(),
        policy.isKept(),
        policy.isReadAhead(),
        policy.isMoved(),
        policy.isNeeded());
  }
}
