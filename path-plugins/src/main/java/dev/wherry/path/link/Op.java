package dev.wherry.path.link;

/**
 * What one node asks of another. The code is what goes over the wire and never changes its meaning.
 */
public enum Op {
  // ---- a host's request, sent on to the owner: served only by the owner of that epoch
  READ(1),
  WRITE(2),
  FLUSH(3),
  TRIM(4),
  ZERO(5),
  CACHE(6),
  STATUS(7),

  // ---- a store: what lies at that node, falling through to that store's own source
  /** Data of a former owner's store. */
  FETCH(16),
  /** Which parts of a store read as zeroes. */
  EXTENTS(17),
  /**
   * The same as {@link #FETCH} of the owner by a standby, which is told later what is still valid.
   */
  PRECOPY(18),
  /** The same as {@link #EXTENTS} for {@link #PRECOPY}. */
  PRECOPY_EXTENTS(19),
  /** The owner writes a host's data to its source too. */
  STORE_WRITE(20),
  STORE_ZERO(21),
  STORE_FLUSH(22),
  /** Which of what a standby was sent was changed since, and since it last asked. */
  PRECOPY_CHANGED(25),
  /** A part of a batch that the source applies as one, once it is committed. */
  BATCH_DATA(23),
  BATCH_COMMIT(24),

  // ---- ownership
  /**
   * Asks the owner to flush while it serves, and to take note of what changes, because a hand-over
   * follows.
   */
  PREPARE(32),
  /** What the taker must know of the owner's store, from a block on. */
  DIFFERENCES(37),
  /** Asks the owner to promise the ownership, durably, while it serves. */
  PLEDGE(38),
  /** Asks the owner for the ownership. */
  HANDOVER(33),
  /** Asks a node to take the ownership. */
  ACTIVATE(34),
  /** A former owner asks whether what it holds is needed. */
  RELEASE(35),
  /** Tells what this node knows of a volume's owner, and asks the same. */
  SYNC(36),

  // ---- parts of a volume, between daemons; the payload is JSON
  SHARE(48),
  UNSHARE(49),
  /** A member is gone. */
  LEAVE(50);

  private static final Op[] BY_CODE = new Op[256];

  static {
    for (Op op : values()) {
      BY_CODE[op.code] = op;
    }
  }

  private final int code;

  Op(int code) {
    this.code = code;
  }

  /** The value on the wire, 1 to 255. */
  public int code() {
    return code;
  }

  /**
   * What the value names.
   *
   * @throws IllegalArgumentException if no operation has the code
   */
  public static Op of(int code) {
    Op op = code < 0 || code > 255 ? null : BY_CODE[code];
    if (op == null) {
      throw new IllegalArgumentException("operation " + code + " of the link is unknown");
    }
    return op;
  }
}
