package dev.wherry.daemon.node;

import dev.wherry.path.link.Links;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** What carries the links to other nodes. Safe on any thread; never blocks. */
public interface PeerLinks extends Links {
  /**
   * How a link stands.
   *
   * @param state {@code online}, {@code offline} or {@code refused}
   * @param reason why it is not online, else empty
   * @param rawBytes sent and received before compression
   * @param wireBytes sent and received over the network
   */
  record Status(String state, String reason, long rawBytes, long wireBytes) {
    public static final String ONLINE = "online";
    public static final String OFFLINE = "offline";
    public static final String REFUSED = "refused";

    public static Status offline(String reason) {
      return new Status(OFFLINE, reason, 0, 0);
    }
  }

  /**
   * Connects from now on, again and again. Replaces the link of that name.
   *
   * @param uuid who it must be, or null for whoever calls itself by that name
   */
  void add(String name, LinkAddress address, @Nullable String uuid);

  /** Ends the link. */
  void remove(String name);

  /**
   * Who answers at an address.
   *
   * @param answered somebody did, and it is not the node; {@code reason} says why not
   * @param another it has another name or another identity for certain
   */
  record Stranger(boolean answered, boolean another, String reason) {
    /** It is the node, or nobody answers. */
    public static final Stranger NONE = new Stranger(false, false, "");
  }

  /** Dials a node that is known at another address, once. Never fails; may take ten seconds. */
  CompletableFuture<Stranger> probe(String name, LinkAddress address);

  /**
   * When the first attempt to connect, since the node was added or this one was started, has ended;
   * done where there is no such node. Never fails; may take ten seconds.
   */
  CompletableFuture<Void> tried(String name);

  /**
   * When a node answers, be it that it refuses this one: done where it does, or there is no such
   * node, and when it is removed. Never fails. Whoever completes it waits no more, and has to at
   * some time, as some nodes never answer.
   */
  CompletableFuture<Void> answered(String name);

  /** How it stands. */
  Status status(String name);
}
