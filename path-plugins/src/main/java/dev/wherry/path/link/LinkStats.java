package dev.wherry.path.link;

/**
 * What went over the links since the start.
 *
 * @param sentRaw bytes of payload handed to the link, as they were
 * @param sentWire bytes that went to the socket instead, with all that frames them
 * @param receivedRaw bytes of payload, as they came out
 * @param receivedWire bytes that came from the socket
 * @param zeroes bytes of payload sent as lengths
 * @param compressed bytes of payload that were sent compressed
 * @param requests that were sent, again or not
 * @param served requests that were executed for others
 */
public record LinkStats(
    long sentRaw,
    long sentWire,
    long receivedRaw,
    long receivedWire,
    long zeroes,
    long compressed,
    long requests,
    long served) {
  static final LinkStats NONE = new LinkStats(0, 0, 0, 0, 0, 0, 0, 0);

  LinkStats plus(LinkStats o) {
    return new LinkStats(
        sentRaw + o.sentRaw,
        sentWire + o.sentWire,
        receivedRaw + o.receivedRaw,
        receivedWire + o.receivedWire,
        zeroes + o.zeroes,
        compressed + o.compressed,
        requests + o.requests,
        served + o.served);
  }
}
