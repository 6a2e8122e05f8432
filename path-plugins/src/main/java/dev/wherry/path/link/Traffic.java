package dev.wherry.path.link;

import java.util.concurrent.atomic.LongAdder;

/** Counts what goes to and comes from one node. Safe on any thread. */
final class Traffic {
  final LongAdder sentRaw = new LongAdder();
  final LongAdder sentWire = new LongAdder();
  final LongAdder receivedRaw = new LongAdder();
  final LongAdder receivedWire = new LongAdder();
  final LongAdder zeroes = new LongAdder();
  final LongAdder compressed = new LongAdder();
  final LongAdder requests = new LongAdder();
  final LongAdder served = new LongAdder();

  LinkStats stats() {
    return new LinkStats(
        sentRaw.sum(),
        sentWire.sum(),
        receivedRaw.sum(),
        receivedWire.sum(),
        zeroes.sum(),
        compressed.sum(),
        requests.sum(),
        served.sum());
  }
}
