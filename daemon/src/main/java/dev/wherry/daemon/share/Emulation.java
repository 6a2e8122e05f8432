package dev.wherry.daemon.share;

import dev.wherry.daemon.catalog.ShareRecord;
import dev.wherry.daemon.catalog.VolumeRecord;
import dev.wherry.daemon.catalog.VolumeRecord.Backing;
import dev.wherry.daemon.catalog.VolumeRecord.State;
import dev.wherry.daemon.process.DataDirectory;
import dev.wherry.daemon.volume.Await;
import dev.wherry.daemon.volume.Refusal;
import dev.wherry.daemon.volume.Suid;
import dev.wherry.daemon.volume.VolumeEntry;
import dev.wherry.daemon.volume.VolumeRegistry;
import dev.wherry.path.BlockDevice;
import dev.wherry.path.shared.ShareState;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Volumes over a plain NBD server, whose blocks come here on demand or behind. Blocks. */
public final class Emulation {
  private static final Duration CLOSE_LIMIT = Duration.ofSeconds(10);

  private final VolumeRegistry registry;
  private final DataDirectory data;
  private final StoreMaker maker;
  private final String node;
  private final Clock clock;

  Emulation(
      VolumeRegistry registry, DataDirectory data, StoreMaker maker, String node, Clock clock) {
    this.registry = registry;
    this.data = data;
    this.maker = maker;
    this.node = node;
    this.clock = clock;
  }

  /**
   * Makes a volume of which nothing is here yet.
   *
   * @param source NBD URI
   * @param size null for the source's
   */
  public VolumeEntry create(
      String suid,
      String source,
      @Nullable Long size,
      @Nullable String read,
      @Nullable String write,
      int blockSize,
      boolean readOnly) {
    Suid.check(suid);
    if (!source.matches("nbds?(\\+unix)?:.*")) {
      throw Refusal.malformed("source '" + source + "' is not an NBD URI");
    }
    ShareTerms.checkBlocks(suid, blockSize);
    ShareTerms terms =
        ShareTerms.DEFAULT.withRead(read, registry.handlers().readPolicies()).withWrite(write);
    if (size != null && size <= 0) {
      throw Refusal.impossible("size " + size + " of volume " + suid + " is not more than 0 bytes");
    }
    if (registry.find(suid).isPresent()) {
      throw Refusal.conflict("volume " + suid + " exists");
    }
    long wanted = size(suid, source, size);
    ShareState state =
        ShareState.alone(node)
            .withPolicies(terms.read(), terms.write(), List.of(), false)
            .withSources(source, null, StoreMaker.FIRST_MAP);
    VolumeRecord draft =
        new VolumeRecord(
            suid,
            wanted,
            blockSize,
            readOnly,
            "local",
            Map.of(),
            List.of(new Backing(data.image(suid).toString(), true)),
            List.of(),
            State.CREATING,
            clock.millis());
    return registry.create(
        draft,
        new ShareRecord(suid, state, ShareRecord.Options.DEFAULT),
        opener -> maker.make(draft, opener));
  }

  /** Devices are called backings wherever they are opened. */
  private BlockDevice open(String suid, String source) {
    try {
      return registry.handlers().device(suid, source, true);
    } catch (Refusal e) {
      throw new Refusal(
          e.kind(), String.valueOf(e.getMessage()).replaceFirst("\\bbacking\\b", "source"));
    }
  }

  private long size(String suid, String source, @Nullable Long size) {
    BlockDevice device = open(suid, source);
    long there;
    try {
      there = device.info().size();
    } finally {
      Await.done(device.close(), CLOSE_LIMIT, "closing " + source);
    }
    long wanted = size == null ? there : size;
    if (wanted > there) {
      throw Refusal.impossible(
          "size "
              + wanted
              + " of volume "
              + suid
              + " is more than the "
              + there
              + " bytes of its source "
              + source);
    }
    if (wanted == 0) {
      throw Refusal.impossible("source " + source + " is empty");
    }
    return wanted;
  }
}
