package dev.wherry.path.link;

import java.util.List;

/**
 * What a listener takes of one class at a time: requests that it has not heard to be answered, and
 * the bytes that they and their answers take. A request that is larger than the window goes alone.
 * Of answers whose length no request tells, little is expected: they are runs of blocks, or texts.
 *
 * @param requests 1 or more
 * @param bytes 1 or more
 */
record Window(int requests, long bytes) {
  static final int CLASSES = Priority.values().length;

  /** In the order of {@link Priority}. */
  static List<Window> defaults() {
    return List.of(
        new Window(256, 16 << 20),
        new Window(2048, 64 << 20),
        new Window(1024, 64 << 20),
        new Window(512, 32 << 20));
  }

  /** What a request counts for: its payload, and that of its answer where the request tells it. */
  static long cost(Op op, long length, int payload) {
    long answer =
        switch (op) {
          case READ, FETCH, PRECOPY -> Math.min(length, Frame.MAX_PAYLOAD);
          default -> 1024;
        };
    return answer + payload;
  }

  /** A window in use. */
  static final class Use {
    private final Window window;
    private int requests;
    private long bytes;

    Use(Window window) {
      this.window = window;
    }

    boolean has(long cost) {
      return requests == 0 || (requests < window.requests && bytes + cost <= window.bytes);
    }

    void take(long cost) {
      requests++;
      bytes += cost;
    }

    void give(long cost) {
      requests--;
      bytes -= cost;
    }

    void clear() {
      requests = 0;
      bytes = 0;
    }
  }
}
