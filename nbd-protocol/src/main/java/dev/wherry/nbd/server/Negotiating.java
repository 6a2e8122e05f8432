package dev.wherry.nbd.server;

import io.netty.channel.Channel;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The TCP connections that have not chosen an export yet. There is a limit to them, and where room
 * is wanted the oldest goes: whoever is in earnest is done in no time, so that peers who connect
 * and say nothing cannot keep others out. Safe on any thread.
 */
final class Negotiating {
  private final int most;
  private final Set<Channel> channels = new LinkedHashSet<>();

  /**
   * @param most at once
   */
  Negotiating(int most) {
    this.most = most;
  }

  /**
   * One more.
   *
   * @return false if the oldest one had to go for it
   */
  boolean add(Channel channel) {
    boolean room;
    synchronized (this) {
      room = channels.size() < most;
    }
    if (!room) {
      closeOldest();
    }
    synchronized (this) {
      channels.add(channel);
    }
    return room;
  }

  /** It has attached, or is gone. */
  synchronized void remove(Channel channel) {
    channels.remove(channel);
  }

  /** Makes room; false if there is nobody. */
  boolean closeOldest() {
    Channel oldest = takeOldest();
    if (oldest == null) {
      return false;
    }
    oldest.close();
    return true;
  }

  private synchronized @Nullable Channel takeOldest() {
    Iterator<Channel> all = channels.iterator();
    if (!all.hasNext()) {
      return null;
    }
    Channel oldest = all.next();
    all.remove();
    return oldest;
  }
}
