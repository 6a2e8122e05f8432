package dev.wherry.path.shared;

import static dev.wherry.path.shared.StoreFixture.BLOCK;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import dev.wherry.path.ReadPolicies;
import dev.wherry.path.TestPolicies;
import dev.wherry.path.map.FileMapFile;
import dev.wherry.path.shared.HeldSource.Fetch;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletionException;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.io.TempDir;

/** The specification of one read policy: a store of which nothing is here, and what comes of it. */
abstract class UnderPolicy {
  @TempDir Path directory;
  private @Nullable StoreFixture fixture;
  private @Nullable Nodes nodes;
  Nodes.Node a;
  Nodes.Node b;

  /** A store whose blocks are all under this policy. */
  final StoreFixture open(String policy) throws IOException {
    return open(TestPolicies.SHIPPED, policy);
  }

  final StoreFixture open(ReadPolicies known, String policy) throws IOException {
    fixture = new StoreFixture(known, FileMapFile.open(directory.resolve("map")), policy);
    return fixture;
  }

  @AfterEach
  final void close() {
    if (fixture != null) {
      fixture.close();
    }
    if (nodes != null) {
      nodes.close();
    }
  }

  /** A read of what is not here is an error, and nobody is asked for it. */
  static void expectMiss(StoreFixture f) {
    CompletionException e = assertThrows(CompletionException.class, () -> f.read(2 * BLOCK, 10));
    assertEquals(NbdError.EIO, ((NbdException) Failures.causeOf(e)).error());
    assertEquals(List.of(), f.source.fetches());
  }

  /** A read of what is not here gets it from the source, and finds this in the map afterwards. */
  static void expectFetch(StoreFixture f, int stateAfterwards) {
    assertArrayEquals(f.original(2 * BLOCK + 5000, 10), f.read(2 * BLOCK + 5000, 10));
    assertEquals(1, f.source.fetches().size());
    assertEquals(stateAfterwards, f.map.state(2));
  }

  /** A write of a part leaves the rest as it is at the source. */
  static void expectCompletion(StoreFixture f) {
    f.write(BLOCK + 100, Bytes.of(7, 10));
    assertEquals(List.of(new Fetch(BLOCK, BLOCK)), f.source.fetches());
    assertArrayEquals(
        Bytes.with(f.original(BLOCK, BLOCK), 100, Bytes.of(7, 10)), f.read(BLOCK, BLOCK));
  }

  /** How many blocks come here because a host reads in sequence, or says that it will read. */
  static long readAhead(StoreFixture f) {
    f.write(0, Bytes.of(7, 2 * BLOCK));
    f.read(0, BLOCK);
    f.read(BLOCK, BLOCK);
    f.store.cache(40L * BLOCK, 2 * BLOCK).join();
    return f.map.here() - 2;
  }

  /** How many blocks are to come in the background. */
  static long toMove(StoreFixture f) {
    return new Missing(f.store).missing();
  }

  /** Node b, under this policy, has taken the volume of node a and has nothing of it. */
  final Nodes takenOver(ReadPolicies known, String policy) {
    Nodes made = given(known, policy);
    b.activate();
    return made;
  }

  /** Node b is a standby of a volume of node a, under this policy. */
  final Nodes given(ReadPolicies known, String policy) {
    Nodes made = new Nodes(directory, policy, true, known);
    nodes = made;
    a = made.owner("a", Bytes.of(1, Nodes.SIZE));
    b = made.share(a, "b");
    return made;
  }
}
