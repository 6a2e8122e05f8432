package dev.wherry.path.shared;

import dev.wherry.path.Answers;
import dev.wherry.path.link.Links;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.ObjLongConsumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Where a store takes from what is not here: makes what a state names, another node or an NBD
 * server, and ends the use of what it does not name any more.
 */
final class Sources {
  private final Parts parts;
  private final Waits waits;
  private final Links links;
  private final Supplier<ShareState> state;
  private final ObjLongConsumer<String> learned;

  /**
   * @param waits ends what waits for a server
   * @param state the present one
   * @param learned is told of an owner, and its epoch, that a source names
   */
  Sources(
      Parts parts,
      Waits waits,
      Links links,
      Supplier<ShareState> state,
      ObjLongConsumer<String> learned) {
    this.parts = parts;
    this.waits = waits;
    this.links = links;
    this.state = state;
    this.learned = learned;
  }

  /** Gives a store the sources that a state names; nothing is in flight. */
  void connect(LayeredStore own, ShareState s) {
    List<Source> before = own.sources();
    Source base = source(s.base(), null);
    own.source(source(s.source(), base), base);
    closeLater(own, before);
  }

  /** Ends the use of sources once nothing is asked of them any more that is not a host's. */
  static void closeLater(LayeredStore own, List<Source> gone) {
    if (!gone.isEmpty()) {
      own.quiet().thenCompose(v -> closeAll(gone)).exceptionally(Failures::logged);
    }
  }

  static CompletableFuture<Void> closeAll(List<Source> sources) {
    return Answers.join(sources.stream().map(Source::close).toList());
  }

  private @Nullable Source source(@Nullable String name, @Nullable Source further) {
    if (name == null) {
      return null;
    }
    String node = NodeSource.nodeOf(name);
    return node == null ? server(name) : node(node, further);
  }

  private Source server(String uri) {
    return new LazySource(
        uri, parts.sources(), waits, parts.ioTimeout(), parts.timer(), parts.nanoClock());
  }

  /**
   * @param further has what the node has not got, or null
   */
  private Source node(String node, @Nullable Source further) {
    NodeSink sink =
        new NodeSink(
            node,
            parts.suid(),
            links,
            () -> state.get().epoch(),
            parts.following().limit(),
            learned::accept);
    return new NodeSource(
        node,
        parts.suid(),
        parts.blockSize(),
        (parts.size() - 1) / parts.blockSize() + 1,
        links,
        state,
        parts.ioTimeout(),
        further,
        sink);
  }
}
