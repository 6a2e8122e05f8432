package dev.wherry.path.shared;

import dev.wherry.path.map.BlockMap;

/** The metadata context {@code wherry:state}: whether data is on this node, and how it differs. */
public final class BlockState {
  /** The context's name. */
  public static final String CONTEXT = "wherry:state";

  /** Not on this node. */
  public static final long NOT_HERE = 1;

  /** Newer than in the source. */
  public static final long NEWER = 2;

  /** Reads as zeroes, takes no room. */
  public static final long ZERO = 4;

  private BlockState() {}

  static long flags(int state) {
    return switch (state) {
      case BlockMap.NOT_HERE -> NOT_HERE;
      case BlockMap.NEWER -> NEWER;
      case BlockMap.ZERO -> NEWER | ZERO;
      default -> 0;
    };
  }
}
