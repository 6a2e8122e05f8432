package dev.wherry.path.file;

import dev.wherry.nbd.ExportInfo;
import dev.wherry.nbd.ExportInfo.Ability;
import dev.wherry.nbd.NbdError;
import dev.wherry.path.BlockDevice;
import dev.wherry.path.DeviceContext;
import dev.wherry.path.DeviceException;
import dev.wherry.path.DeviceException.Reason;
import dev.wherry.path.io.BlockIoctl;
import dev.wherry.path.io.Blocking;
import dev.wherry.path.io.Errno;
import dev.wherry.path.io.FileLocks;
import dev.wherry.path.io.FileStat;
import dev.wherry.path.io.FileSystems;
import dev.wherry.path.io.IoEngine;
import dev.wherry.path.io.IoEngines;
import dev.wherry.path.io.Posix;
import dev.wherry.path.io.PosixException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Opens files and block devices, and creates files. */
final class FileOpener {
  /** Flushes of one file at once. */
  private static final int FLUSHES = 16;

  private static final Logger LOG = LoggerFactory.getLogger(FileOpener.class);
  private static final int PREFERRED_BLOCK = 4096;

  private FileOpener() {}

  /** See {@link FileDevice#create}. */
  static void create(Path path, long size) {
    int fd;
    try {
      fd = Posix.open(path, Posix.O_RDWR | Posix.O_CREAT | Posix.O_EXCL);
    } catch (PosixException e) {
      throw refused(path, e);
    }
    try {
      try {
        Posix.truncate(fd, size);
        Posix.fsync(fd);
      } finally {
        Posix.close(fd);
      }
      syncDirectory(path);
    } catch (PosixException e) {
      DeviceException failure = refused(path, e);
      try {
        Files.deleteIfExists(path);
      } catch (IOException left) {
        failure.addSuppressed(left);
      }
      throw failure;
    }
  }

  private static void syncDirectory(Path path) throws PosixException {
    int directory = Posix.open(path.toAbsolutePath().getParent(), Posix.O_RDONLY);
    try {
      Posix.fsync(directory);
    } finally {
      Posix.close(directory);
    }
  }

  /** See {@link FileDevice#open}. */
  static CompletableFuture<BlockDevice> open(Path path, DeviceContext context) {
    Blocking pool = new Blocking(context.workers());
    return pool.call(() -> openBlocking(path, context, pool));
  }

  private static BlockDevice openBlocking(Path path, DeviceContext context, Blocking pool) {
    try {
      FileStat.Kind kind = Posix.stat(path).kind();
      if (kind != FileStat.Kind.REGULAR && kind != FileStat.Kind.BLOCK_DEVICE) {
        throw new DeviceException(
            Reason.UNSUITABLE, path + ": is " + kind.words() + ", not a file or a block device");
      }
      boolean disk = kind == FileStat.Kind.BLOCK_DEVICE;
      boolean readOnly = context.readOnly();
      int fd;
      try {
        fd = openDescriptor(path, disk, readOnly);
      } catch (PosixException e) {
        if (readOnly || Errno.toNbd(e.errno()) != NbdError.EPERM) {
          throw e;
        }
        readOnly = true;
        fd = openDescriptor(path, disk, true);
      }
      try {
        return device(path, fd, kind, readOnly, context, pool);
      } catch (PosixException | RuntimeException e) {
        Posix.close(fd);
        throw e;
      }
    } catch (PosixException e) {
      throw refused(path, e);
    }
  }

  private static int openDescriptor(Path path, boolean disk, boolean readOnly)
      throws PosixException {
    int flags = readOnly ? Posix.O_RDONLY : Posix.O_RDWR;
    // O_EXCL claims a block device: it fails where it is mounted or claimed by somebody else.
    flags |= disk && !readOnly ? Posix.O_EXCL : 0;
    try {
      return Posix.open(path, flags | Posix.O_NOATIME);
    } catch (PosixException e) {
      if (e.errno() != Errno.EPERM) {
        throw e;
      }
      return Posix.open(path, flags);
    }
  }

  private static BlockDevice device(
      Path path,
      int fd,
      FileStat.Kind expected,
      boolean readOnly,
      DeviceContext context,
      Blocking pool)
      throws PosixException {
    FileStat stat = Posix.stat(fd);
    if (stat.kind() != expected) {
      throw new DeviceException(Reason.UNSUITABLE, path + ": was replaced while it was opened");
    }
    lock(path, fd, readOnly);
    boolean disk = expected == FileStat.Kind.BLOCK_DEVICE;
    long size = disk ? BlockIoctl.size(fd) : stat.size();
    Medium medium = disk ? new BlockNode(fd, size) : new RegularFile(fd, size, readOnly);
    ExportInfo info =
        ExportInfo.of(size)
            .withBlocks(1, PREFERRED_BLOCK)
            .withReadOnly(readOnly)
            .withRotational(FileSystems.rotational(stat))
            .with(Ability.FAST_ZERO, medium.canFastZero());
    IoEngine engine = engine(path, context, !disk);
    OpenFile file =
        new OpenFile(
            path.toString(),
            fd,
            size,
            InlineReads.Way.of(fd),
            channel(path, fd),
            syncDescriptors(fd, readOnly));
    return new FileDevice(file, medium, info, engine, pool);
  }

  /** Opens the file behind a descriptor some times more, whatever its path leads to by now. */
  private static List<Integer> syncDescriptors(int fd, boolean readOnly) throws PosixException {
    List<Integer> opened = new ArrayList<>();
    try {
      for (int i = 0; i < (readOnly ? 1 : FLUSHES); i++) {
        Path self = Path.of("/proc/self/fd/" + fd);
        opened.add(Posix.open(self, readOnly ? Posix.O_RDONLY : Posix.O_RDWR));
      }
    } catch (PosixException e) {
      for (int descriptor : opened) {
        Posix.close(descriptor);
      }
      throw e;
    }
    return opened;
  }

  private static IoEngine engine(Path path, DeviceContext context, boolean oneFile) {
    try {
      return IoEngines.open(context, oneFile);
    } catch (UnsupportedOperationException e) {
      throw new DeviceException(Reason.UNAVAILABLE, path + ": " + e.getMessage(), e);
    }
  }

  private static void lock(Path path, int fd, boolean readOnly) {
    boolean free;
    try {
      free = readOnly ? FileLocks.lockForReading(fd) : FileLocks.lockForWriting(fd);
    } catch (PosixException e) {
      LOG.warn("{}: cannot be locked here, nothing keeps others from using it: {}", path, e);
      return;
    }
    if (!free) {
      throw new DeviceException(Reason.IN_USE, path + ": is in use by another program or volume");
    }
  }

  private static @Nullable SharedChannel channel(Path path, int fd) {
    try {
      return SharedChannel.of(fd);
    } catch (IOException e) {
      LOG.warn("{}: served without sendfile: {}", path, e.toString());
      return null;
    }
  }

  private static DeviceException refused(Path path, PosixException e) {
    Reason reason =
        switch (e.errno()) {
          case Errno.ENOENT, Errno.ENOTDIR -> Reason.MISSING;
          case Errno.EBUSY, Errno.EAGAIN -> Reason.IN_USE;
          case Errno.ENOSPC, Errno.EDQUOT, Errno.EFBIG -> Reason.NO_SPACE;
          case Errno.EIO, Errno.ENXIO, Errno.ENOMEM -> Reason.UNAVAILABLE;
          default -> Reason.UNSUITABLE;
        };
    return new DeviceException(reason, path + ": " + e.getMessage(), e);
  }
}
