package dev.wherry.daemon.volume;

import dev.wherry.daemon.catalog.VolumeRecord;
import dev.wherry.daemon.catalog.VolumeRecord.Backing;
import dev.wherry.path.BlockDevice;
import dev.wherry.path.DeviceContext;
import dev.wherry.path.DeviceException;
import dev.wherry.path.PathHandler;
import dev.wherry.path.Plugins;
import dev.wherry.path.ReadPolicies;
import dev.wherry.path.align.AlignedDevice;
import dev.wherry.path.concat.ConcatDevice;
import dev.wherry.path.file.FileDevice;
import dev.wherry.path.slice.SliceDevice;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ScheduledExecutorService;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Opens what is behind a volume: its devices, put together, under its handler. Blocks. */
public final class VolumeOpener {
  private static final Logger log = LoggerFactory.getLogger(VolumeOpener.class);

  private final Plugins plugins;
  private final DeviceContext context;
  private final Duration limit;

  VolumeOpener(Plugins plugins, DeviceContext context) {
    this.plugins = plugins;
    this.context = context;
    this.limit = context.ioTimeout().plusSeconds(5);
  }

  /** For limits of time. */
  ScheduledExecutorService scheduler() {
    return context.loops();
  }

  ReadPolicies readPolicies() {
    return plugins.readPolicies();
  }

  /** Refuses the name of a handler that is not there. */
  void checkHandler(String name) {
    if (plugins.handler(name).isEmpty()) {
      throw Refusal.impossible("handler '" + name + "' is unknown");
    }
  }

  /** Makes a sparse file, durably; refuses if something is there already, or no room for it. */
  public void create(Path file, long size) {
    try {
      FileDevice.create(file, size);
    } catch (DeviceException e) {
      // Not a question of room: no file there may be that long.
      throw String.valueOf(e.getMessage()).contains("too large")
          ? Refusal.impossible("size " + size + " is too large for the file system of " + file)
          : Await.refusal(e, "making " + file);
    }
  }

  /** Opens one device, for a volume. */
  public BlockDevice device(String suid, String spec, boolean readOnly) {
    return device(spec, context.forVolume(suid).asReadOnly(readOnly));
  }

  /** As {@link #device}, for whoever does not wait. */
  CompletableFuture<BlockDevice> opening(String suid, String spec, boolean readOnly) {
    return plugins.open(spec, context.forVolume(suid).asReadOnly(readOnly));
  }

  private BlockDevice device(String spec, DeviceContext ctx) {
    CompletableFuture<BlockDevice> opening = plugins.open(spec, ctx);
    try {
      return Await.done(opening, limit, "opening backing " + spec);
    } catch (RuntimeException e) {
      // Nobody waits for it any more, should it open after all.
      opening.whenComplete(
          (device, failure) -> {
            if (device != null) {
              device.close();
            }
          });
      throw e;
    }
  }

  /** Opens the devices of a volume as one; closes what it opened if one cannot be. */
  BlockDevice devices(VolumeRecord record) {
    return devices(record, record.readOnly());
  }

  private BlockDevice devices(VolumeRecord record, boolean readOnly) {
    DeviceContext ctx = context.forVolume(record.suid()).asReadOnly(readOnly);
    List<BlockDevice> opened = new ArrayList<>();
    try {
      for (Backing b : record.backing()) {
        opened.add(device(b.spec(), ctx));
      }
      // NBD clients may ask for any byte, whatever the blocks of the disk are.
      return AlignedDevice.of(opened.size() == 1 ? opened.get(0) : new ConcatDevice(opened));
    } catch (ArithmeticException e) {
      opened.forEach(this::close);
      throw Refusal.impossible("the backings of volume " + record.suid() + " add up to over 8 EiB");
    } catch (DeviceException e) {
      // The devices do not go together.
      opened.forEach(this::close);
      throw Await.refusal(e, "opening volume " + record.suid());
    } catch (RuntimeException e) {
      opened.forEach(this::close);
      throw e;
    }
  }

  /**
   * Puts the handler on the devices; closes them if that cannot be.
   *
   * @param record its size is at most the devices'
   */
  PathHandler handler(VolumeRecord record, BlockDevice devices) {
    try {
      // Without a slice the device itself is resized, and what was cut off is gone: right for our
      // own files. One that was given keeps what it has.
      boolean own = record.backing().stream().allMatch(Backing::managed);
      BlockDevice sized =
          own && devices.info().size() == record.size()
              ? devices
              : new SliceDevice(devices, 0, record.size());
      return Await.done(
          plugins
              .handler(record.handler())
              .orElseThrow(
                  () -> Refusal.impossible("handler '" + record.handler() + "' is unknown"))
              .open(record.suid(), sized, record.settings()),
          limit,
          "opening handler " + record.handler());
    } catch (IllegalArgumentException e) {
      // A setting that the handler does not take.
      close(devices);
      throw Refusal.impossible(String.valueOf(e.getMessage()));
    } catch (RuntimeException e) {
      close(devices);
      throw e;
    }
  }

  /** All of it, for a volume that was there before. */
  PathHandler open(VolumeRecord record) {
    return open(record, record.readOnly());
  }

  /**
   * As {@link #open(VolumeRecord)}.
   *
   * @param readOnly whether the devices are: those of a volume that is not whole here must not be
   */
  PathHandler open(VolumeRecord record, boolean readOnly) {
    BlockDevice devices = devices(record, readOnly);
    long size = devices.info().size();
    if (size < record.size()) {
      close(devices);
      throw Refusal.impossible(
          "the backing "
              + devices.describe()
              + " has "
              + size
              + " bytes, the volume "
              + record.size());
    }
    return handler(record, devices);
  }

  public void close(BlockDevice device) {
    try {
      Await.done(device.close(), limit, "closing " + device.describe());
    } catch (RuntimeException e) {
      log.warn("{} cannot be closed", device.describe(), e);
    }
  }
}
