package dev.wherry.path.file;

import dev.wherry.path.BlockDevice;
import dev.wherry.path.DeviceContext;
import dev.wherry.path.DevicePlugin;
import java.nio.file.Path;
import java.util.Set;
import java.util.concurrent.CompletableFuture;

/** {@code /path} and {@code file:/path}: a regular file or a block device of this host. */
public final class FilePlugin implements DevicePlugin {
  private static final String SCHEME = "file";

  @Override
  public Set<String> schemes() {
    return Set.of(SCHEME);
  }

  @Override
  public CompletableFuture<BlockDevice> open(String spec, DeviceContext context) {
    try {
      return FileOpener.open(path(spec), context);
    } catch (IllegalArgumentException malformed) {
      return CompletableFuture.failedFuture(malformed);
    }
  }

  private static Path path(String spec) {
    String name = spec.startsWith(SCHEME + ":") ? spec.substring(SCHEME.length() + 1) : spec;
    name = name.startsWith("//") ? name.substring(2) : name;
    if (name.indexOf('\0') >= 0) {
      throw new IllegalArgumentException("backing " + spec.replace('\0', '?') + ": has a NUL");
    }
    Path path = Path.of(name);
    if (!path.isAbsolute()) {
      throw new IllegalArgumentException("backing " + spec + ": must be an absolute path");
    }
    return path.normalize();
  }
}
