package dev.wherry.path.shared;

import static dev.wherry.path.shared.Nodes.SIZE;

import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.io.TempDir;

/** A test in which node {@code a} owns a volume of this content and {@code b} shares it. */
abstract class TwoNodes {
  final byte[] content = Bytes.of(1, SIZE);
  @TempDir Path directory;
  Nodes nodes;
  Nodes.Node a;
  Nodes.Node b;

  /** How hosts of {@code b} read, and whether only operators change the owner. */
  final void open(String policy, boolean manual) {
    nodes = new Nodes(directory, policy, manual);
    a = nodes.owner("a", content);
    b = nodes.share(a, "b");
  }

  @AfterEach
  final void close() {
    nodes.close();
  }
}
