package dev.wherry.path.map;

import java.util.Arrays;

/** Runs of blocks, each with a value; joins those that touch. For one thread. */
final class Runs {
  /** Takes a run. */
  interface Sink {
    void run(long from, long end, int value);
  }

  private long[] ends = new long[16];
  private int length;
  private byte[] values = new byte[8];

  /** Runs must come in ascending order. */
  void add(long from, long end, int value) {
    int last = length / 2 - 1;
    if (last >= 0 && ends[length - 1] == from && values[last] == value) {
      ends[length - 1] = end;
      return;
    }
    if (length == ends.length) {
      ends = Arrays.copyOf(ends, length * 2);
      values = Arrays.copyOf(values, length);
    }
    values[last + 1] = (byte) value;
    ends[length++] = from;
    ends[length++] = end;
  }

  boolean isEmpty() {
    return length == 0;
  }

  void forEach(Sink sink) {
    for (int i = 0; i < length; i += 2) {
      sink.run(ends[i], ends[i + 1], values[i / 2]);
    }
  }
}
