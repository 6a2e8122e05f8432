package dev.wherry.path.shared;

import static dev.wherry.path.shared.StoreFixture.BLOCKS;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.nbd.NbdError;
import dev.wherry.path.PluginJars;
import dev.wherry.path.Plugins;
import dev.wherry.path.ReadPolicies;
import dev.wherry.path.ReadPolicy;
import dev.wherry.path.TestPolicies;
import dev.wherry.path.map.BlockMap;
import dev.wherry.path.move.Mover;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/**
 * A read policy that this project knows nothing of, built apart from it: a class and a line in a
 * services file, and the engine does what it says.
 */
class FifthPolicyTest extends UnderPolicy {
  /** A cache that warms itself: reads go through, it fills behind, and nobody needs it. */
  private static final String WARM =
      """
      package org.example;

      import dev.wherry.path.ReadPolicy;

      public final class Warm implements ReadPolicy {
        @Override public String name() { return "NAME"; }
        @Override public boolean isFetched() { return true; }
        @Override public boolean isKept() { return false; }
        @Override public boolean isReadAhead() { return false; }
        @Override public boolean isMoved() { return true; }
        @Override public boolean isNeeded() { return false; }
      }
      """;

  private Plugins found(String name) throws IOException {
    PluginJars jars = new PluginJars(directory);
    jars.add(
        "warm.jar",
        Map.of("Warm", WARM.replace("NAME", name)),
        Map.of(ReadPolicy.class.getName(), "org.example.Warm\n"));
    return Plugins.load(jars.directory());
  }

  private ReadPolicies warm() throws IOException {
    try (Plugins plugins = found("warm")) {
      assertEquals(List.of(), plugins.problems());
      return plugins.readPolicies();
    }
  }

  @Test
  void itsReadsAreFetchedAndNotKept() throws IOException {
    expectFetch(open(warm(), "warm"), BlockMap.NOT_HERE);
  }

  @Test
  void whatAHostCouldReadIsNotMadeUpThoughNobodyNeedsIt() throws IOException {
    expectCompletion(open(warm(), "warm"));
  }

  @Test
  void nothingIsReadAhead() throws IOException {
    assertEquals(0, readAhead(open(warm(), "warm")));
  }

  @Test
  void allOfItComesInTheBackground() throws IOException {
    assertEquals(BLOCKS, toMove(open(warm(), "warm")));
  }

  @Test
  void theFormerOwnerIsReleasedBeforeAllIsHere() throws IOException {
    Nodes nodes = given(warm(), "warm");
    b.volume().pace(new Mover.Pace(1, 1));
    b.activate();
    int last = Nodes.SIZE - 10;
    assertArrayEquals(Bytes.part(Bytes.of(1, Nodes.SIZE), last, 10), b.read(last, 10));
    a.release();
    assertEquals(NbdError.EIO, nodes.error(b.volume().read(last, 10)).error());
    assertFalse(a.state().hasStore());
  }

  @Test
  void itIsListedAfterThoseThatShip() throws IOException {
    try (Plugins plugins = found("warm")) {
      IllegalArgumentException e =
          assertThrows(IllegalArgumentException.class, () -> plugins.readPolicies().of("cold"));
      assertEquals(
          "read policy 'cold' is unknown; there are: fail, redirect, move, pull, warm",
          e.getMessage());
    }
  }

  @Test
  void aNameThatIsTakenOrNoNameIsLeftOut() throws IOException {
    for (String name : List.of("pull", "Pull", "a=b", "")) {
      try (Plugins plugins = found(name)) {
        assertEquals(1, plugins.problems().size(), name);
        assertTrue(plugins.problems().get(0).reason().startsWith("read policy"), name);
        assertTrue(plugins.readPolicies().of("pull").isKept());
      }
    }
  }

  /** A volume that names it could neither be opened nor be given another one. */
  @Test
  void oneThatCannotAnswerIsLeftOut() throws IOException {
    PluginJars jars = new PluginJars(directory);
    String mute = "isNeeded() { throw new LinkageError(\"mute\"); }";
    jars.add(
        "mute.jar",
        Map.of("Warm", WARM.replace("NAME", "mute").replace("isNeeded() { return false; }", mute)),
        Map.of(ReadPolicy.class.getName(), "org.example.Warm\n"));
    try (Plugins plugins = Plugins.load(jars.directory())) {
      assertEquals(1, plugins.problems().size());
      assertThrows(IllegalArgumentException.class, () -> plugins.readPolicies().known("mute"));
      assertTrue(plugins.readPolicies().of("pull").isKept());
    }
  }

  /** What is stored of a volume is a name that is known. */
  @Test
  void oneThatChangesItsMindIsTakenAtItsFirstWord() throws IOException {
    PluginJars jars = new PluginJars(directory);
    jars.add(
        "fickle.jar",
        Map.of(
            "Warm",
            WARM.replace("implements ReadPolicy {", "implements ReadPolicy { private int asked;")
                .replace("\"NAME\"", "\"fickle\" + asked++")),
        Map.of(ReadPolicy.class.getName(), "org.example.Warm\n"));
    try (Plugins plugins = Plugins.load(jars.directory())) {
      assertEquals("fickle0", plugins.readPolicies().known("fickle0"));
    }
  }

  /** No other policy takes its place: the data may be needed, or not to be fetched. */
  @Test
  void aVolumeIsNotOpenedWhileItsPolicyIsNotThere() throws IOException {
    takenOver(warm(), "warm");
    b.stop();
    b.readPolicies = TestPolicies.SHIPPED;
    assertEquals(
        "read policy 'warm' is unknown; there are: fail, redirect, move, pull",
        assertThrows(IllegalArgumentException.class, b::start).getMessage());
    b.readPolicies = warm();
    b.start();
    b.expect(Bytes.of(1, Nodes.SIZE));
  }

  @Test
  void aPolicyThatIsNotThereIsNotSet() {
    takenOver(TestPolicies.SHIPPED, "pull");
    assertThrows(
        IllegalArgumentException.class,
        () -> b.volume().policies("warm", WritePolicy.LOCAL, List.of(), true));
    assertEquals("pull", b.memory.state().read());
    b.expect(Bytes.of(1, Nodes.SIZE));
  }
}
