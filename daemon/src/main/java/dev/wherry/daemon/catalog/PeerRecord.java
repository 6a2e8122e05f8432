package dev.wherry.daemon.catalog;

import org.jspecify.annotations.Nullable;

/**
 * What is remembered of another node.
 *
 * @param name what it is called
 * @param link HOST:PORT of its link
 * @param uuid who it is, once it was spoken to: nobody else is taken for it from then on
 * @param addedAt milliseconds since the epoch
 */
public record PeerRecord(String name, String link, @Nullable String uuid, long addedAt) {

  public PeerRecord withLink(String value) {
    return new PeerRecord(name, value, uuid, addedAt);
  }

  public PeerRecord withUuid(@Nullable String value) {
    return new PeerRecord(name, link, value, addedAt);
  }

  /** CRC-32C of all of it. */
  public long checksum() {
    return new Checksum().add(name).add(link).add(uuid).add(addedAt).value();
  }
}
