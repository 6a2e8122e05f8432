package dev.wherry.path.shared.model;

import dev.wherry.path.shared.Lag;
import dev.wherry.path.shared.Role;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Looks at the store of the owner's source, again and again, and has {@link SourceOracle} judge.
 */
final class SourceWatch {
  /** Longer than a request to the source may take, in virtual time. */
  private static final long REST = 3_000_000_000L;

  private final Schedule schedule;
  private final SourceOracle oracle;

  SourceWatch(Schedule schedule) {
    this.schedule = schedule;
    this.oracle = new SourceOracle(schedule.oracle(), schedule.cells());
  }

  SourceOracle oracle() {
    return oracle;
  }

  /** The node that a state's source names, or the server's name, or null. */
  static @Nullable String nameOf(@Nullable String source) {
    return source == null || !source.startsWith("node:") ? source : source.substring(5);
  }

  private Optional<Node> owner() {
    return schedule.nodes().stream().filter(Node::owns).findAny();
  }

  /** What the source has of all cells; null where that is not known now, or there is none. */
  private int @Nullable [] there() {
    String name = oracle.source();
    NbdServer server = schedule.server();
    if (name == null) {
      return null;
    }
    if (name.equals(NbdServer.URI)) {
      return server == null ? null : server.stamps();
    }
    Node node = schedule.node(name);
    return node.role() == Role.FORMER && !Schedule.fenced(node) ? node.stamps() : null;
  }

  /** Judges it: it may be all that is left at any moment. */
  void judge(String when) {
    int[] stamps = there();
    if (stamps == null) {
      return;
    }
    Lag lag = owner().map(Node::lag).orElse(null);
    if (lag != null && lag.mode() == Lag.Mode.BACK && lag.bytes() == 0) {
      oracle.covers(schedule.simulation().tick());
    }
    report(() -> oracle.judge(stamps, when));
  }

  private void report(Runnable judgement) {
    try {
      judgement.run();
    } catch (Violation v) {
      schedule.throwLater(v);
    }
  }

  /** A node takes over by force: if it was the source, what it has is as it must be. */
  void forced() {
    judge("before a node takes over by force");
    oracle.forced();
  }

  /** A host's request was answered at a node. */
  void answered(HostOp op, Node node) {
    Lag lag = node.lag();
    if (lag == null || lag.mode() != Lag.Mode.THROUGH || op.fenced) {
      return;
    }
    if (op.kind == HostOp.Kind.FLUSH) {
      oracle.covers(op.began);
      judge("at the answer to " + op);
    }
    int[] stamps = op.changes() ? there() : null;
    if (stamps != null) {
      report(() -> oracle.judgeAnswered(op, stamps));
    }
  }

  /** Once nothing goes wrong any more the source catches up, and then it has what the owner has. */
  void expectToFollow() {
    Node owner = owner().orElseThrow();
    if (owner.lag() == null || schedule.settings().storeErrors() > 0 || there() == null) {
      return;
    }
    // What dead hosts asked for comes to its end, too.
    long rest = schedule.simulation().now() + REST;
    schedule.until("requests end", () -> schedule.simulation().now() > rest, Schedule.PATIENCE);
    schedule.until("the source follows", () -> follows(owner.lag()), Schedule.PATIENCE);
    int[] there = there();
    int[] here = owner.stamps();
    if (there != null && here != null) {
      oracle.judgeEqual(there, here);
    }
    judge("in the end");
  }

  private static boolean follows(@Nullable Lag lag) {
    return lag == null || (lag.bytes() == 0 && lag.mode() != Lag.Mode.DEGRADED);
  }
}
