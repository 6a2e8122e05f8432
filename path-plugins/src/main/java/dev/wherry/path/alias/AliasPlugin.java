package dev.wherry.path.alias;

import dev.wherry.path.BlockDevice;
import dev.wherry.path.DeviceContext;
import dev.wherry.path.DeviceException;
import dev.wherry.path.DeviceException.Reason;
import dev.wherry.path.DevicePlugin;
import dev.wherry.path.Volume;
import java.util.ArrayDeque;
import java.util.HashSet;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.regex.Pattern;

/** Opens {@code wherry:SUID}. The target must be there before its alias is opened. */
public final class AliasPlugin implements DevicePlugin {
  static final String SCHEME = "wherry";
  private static final Pattern SUID = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9._-]{0,63}");

  @Override
  public Set<String> schemes() {
    return Set.of(SCHEME);
  }

  @Override
  public CompletableFuture<BlockDevice> open(String spec, DeviceContext context) {
    String suid = spec.substring(SCHEME.length() + 1);
    if (!SUID.matcher(suid).matches()) {
      throw new IllegalArgumentException("backing '" + spec + "': must be wherry:SUID");
    }
    try {
      return CompletableFuture.completedFuture(open(spec, suid, context));
    } catch (DeviceException e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  private static BlockDevice open(String spec, String suid, DeviceContext context) {
    Volume target =
        context
            .volumes()
            .apply(suid)
            .orElseThrow(
                () ->
                    new DeviceException(
                        Reason.MISSING, spec + ": there is no volume " + suid + " here"));
    Runnable release;
    try {
      release = target.retain(context.suid(), "volume " + context.suid() + " is an alias of it");
    } catch (IllegalStateException e) {
      throw new DeviceException(Reason.UNAVAILABLE, spec + ": " + e.getMessage(), e);
    }
    // After the use is on record: of two volumes that become each other's alias at the same time,
    // at least one sees it.
    if (leadsTo(suid, context)) {
      release.run();
      throw new DeviceException(
          Reason.UNSUITABLE,
          spec + ": volume " + suid + " would be an alias of itself, by way of " + context.suid());
    }
    return new AliasDevice(target, context, release);
  }

  /** Whether {@code suid} needs the volume that the alias is for. */
  private static boolean leadsTo(String suid, DeviceContext context) {
    Set<String> seen = new HashSet<>();
    Queue<String> next = new ArrayDeque<>();
    next.add(context.suid());
    while (!next.isEmpty()) {
      String above = next.remove();
      if (above.equals(suid)) {
        return true;
      }
      if (seen.add(above)) {
        context.volumes().apply(above).ifPresent(v -> next.addAll(v.users()));
      }
    }
    return false;
  }
}
