package dev.wherry.path.file;

import dev.wherry.path.io.Posix;
import dev.wherry.path.io.PosixException;
import dev.wherry.path.io.Residency;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A descriptor with what belongs to it. */
final class OpenFile {
  private final String path;
  private final int fd;
  private final List<Integer> syncDescriptors;
  private final InlineReads.Way inlineReads;
  private final @Nullable SharedChannel channel;
  private final List<Residency> mappings = new ArrayList<>();
  private volatile Residency residency;

  /**
   * @param channel for sendfile; null where it cannot be had
   * @param syncDescriptors for flushes, see {@link #syncDescriptors()}
   */
  OpenFile(
      String path,
      int fd,
      long size,
      InlineReads.Way inlineReads,
      @Nullable SharedChannel channel,
      List<Integer> syncDescriptors) {
    this.path = path;
    this.syncDescriptors = List.copyOf(syncDescriptors);
    this.fd = fd;
    this.inlineReads = inlineReads;
    this.channel = channel;
    this.residency = new Residency(fd, size);
    mappings.add(residency);
  }

  String path() {
    return path;
  }

  int fd() {
    return fd;
  }

  InlineReads.Way inlineReads() {
    return inlineReads;
  }

  @Nullable SharedChannel channel() {
    return channel;
  }

  /**
   * Descriptors of the same file, opened one by one: Linux reports a write-back error once to each,
   * so of flushes that run at once on descriptors of their own each one gets it.
   */
  List<Integer> syncDescriptors() {
    return syncDescriptors;
  }

  Residency residency() {
    return residency;
  }

  /** Older mappings stay until the end: an event loop may be looking at one. */
  synchronized void resized(long size) {
    residency = new Residency(fd, size);
    mappings.add(residency);
  }

  /** Closes the descriptor; its locks go with it, once no mapping holds it any more. */
  synchronized void close() throws PosixException {
    mappings.forEach(Residency::close);
    mappings.clear();
    for (int sync : syncDescriptors) {
      Posix.close(sync);
    }
    Posix.close(fd);
  }
}
