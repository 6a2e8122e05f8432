package dev.wherry.path;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicBoolean;

/** Who needs a volume to be there. Safe on any thread. */
final class Uses {
  private record Use(String user, String reason) {}

  private final List<Use> uses = new ArrayList<>();
  private boolean retired;

  synchronized Runnable add(String suid, String user, String reason) {
    if (retired) {
      throw new IllegalStateException("volume " + suid + " is being deleted");
    }
    Use use = new Use(user, reason);
    uses.add(use);
    AtomicBoolean released = new AtomicBoolean();
    return () -> {
      if (released.compareAndSet(false, true)) {
        remove(use);
      }
    };
  }

  private synchronized void remove(Use use) {
    uses.remove(use);
  }

  synchronized Set<String> users() {
    Set<String> users = new TreeSet<>();
    uses.forEach(u -> users.add(u.user));
    return users;
  }

  synchronized List<String> reasons() {
    return uses.stream().map(Use::reason).toList();
  }

  synchronized void retire(String suid) {
    if (!uses.isEmpty()) {
      throw new IllegalStateException(
          "volume " + suid + " is in use: " + String.join(", ", reasons()));
    }
    retired = true;
  }
}
