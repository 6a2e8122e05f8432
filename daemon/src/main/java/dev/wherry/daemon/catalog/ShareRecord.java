package dev.wherry.daemon.catalog;

import dev.wherry.path.shared.ShareState;
import dev.wherry.path.shared.Successor;

/**
 * What is remembered of a volume's part in a group of nodes.
 *
 * @param suid the volume
 * @param state what the engine put last
 * @param options what the daemon keeps beside it
 */
public record ShareRecord(String suid, ShareState state, Options options) {

  /**
   * What the daemon keeps.
   *
   * @param booked bytes that the store may come to take; 0 where nothing is booked
   * @param minimum bytes per second that the background move makes at least
   * @param bandwidth bytes per second that it never exceeds, or {@link Long#MAX_VALUE}
   * @param stall under the write policy {@code through}, hosts wait while the source is away
   */
  public record Options(long booked, long minimum, long bandwidth, boolean stall) {
    public static final Options DEFAULT = new Options(0, 20_000_000, Long.MAX_VALUE, false);

    public Options withBooked(long value) {
      return new Options(value, minimum, bandwidth, stall);
    }

    public Options withPace(long newMinimum, long newBandwidth) {
      return new Options(booked, newMinimum, newBandwidth, stall);
    }

    public Options withStall(boolean value) {
      return new Options(booked, minimum, bandwidth, value);
    }

    /** CRC-32C; where hosts do not wait, that of version 5. */
    long checksum() {
      Checksum sum = new Checksum().add(booked).add(minimum).add(bandwidth);
      return (stall ? sum.add(true) : sum).value();
    }
  }

  public ShareRecord withState(ShareState value) {
    return new ShareRecord(suid, value, options);
  }

  public ShareRecord withOptions(Options value) {
    return new ShareRecord(suid, state, value);
  }

  /**
   * CRC-32C of a state. One that has lost nothing, and may not, has that of version 2; one that
   * nothing is promised of nor outdated in, that of version 3; and where no successor is named,
   * that of version 4.
   */
  static long checksum(ShareState s) {
    Checksum sum =
        new Checksum()
            .add(s.role())
            .add(s.owner())
            .add(s.epoch())
            .add(ShareRows.stored(s.read()))
            .add(s.write())
            .add(s.manual())
            .add(s.hasStore())
            .add(s.wanted())
            .add(s.source())
            .add(s.base())
            .add(s.fence())
            .add(s.map())
            .add(s.members().size());
    s.members().forEach(sum::add);
    s.ranges().forEach(r -> sum.add(r.offset()).add(r.length()).add(ShareRows.stored(r.policy())));
    if (s.losses() != 0 || s.boot() != null) {
      sum.add(s.losses()).add(s.boot());
    }
    ShareState.Pledge pledge = s.pledge();
    if (pledge != null || !s.outdated().isEmpty()) {
      sum.add(pledge == null ? null : pledge.to()).add(pledge != null && pledge.lossy());
      s.outdated().forEach(r -> sum.add(r.from()).add(r.end()));
    }
    Successor by = s.successor();
    if (by != null) {
      sum.add(by.node()).add(by.epoch()).add(by.source());
    }
    return sum.value();
  }
}
