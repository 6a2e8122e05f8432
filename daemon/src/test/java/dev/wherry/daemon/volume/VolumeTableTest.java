package dev.wherry.daemon.volume;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.daemon.catalog.VolumeRecord;
import dev.wherry.daemon.catalog.VolumeRecord.Backing;
import dev.wherry.daemon.catalog.VolumeRecord.State;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;

/** Names and aliases. */
class VolumeTableTest {
  private final VolumeTable table = new VolumeTable(new Claims());

  private static VolumeRecord record(String suid, String... backing) {
    List<Backing> devices = Stream.of(backing).map(s -> new Backing(s, false)).toList();
    return new VolumeRecord(
        suid, 4096, 4096, false, "local", Map.of(), devices, List.of(), State.READY, 0);
  }

  private VolumeEntry put(String suid, String... backing) {
    VolumeEntry entry = new VolumeEntry(record(suid, backing), true);
    table.put(entry);
    return entry;
  }

  @Test
  void aNameIsGivenOnceAndCannotBeSeenUntilItsVolumeIsOpen() {
    VolumeEntry entry = table.reserve(record("a", "/no/such/file"));
    assertEquals(Optional.empty(), table.find("a"));
    assertTrue(entry.isBusy());
    assertThrows(Refusal.class, () -> table.reserve(record("a", "/no/other/file")));
    table.remove(entry);
    assertTrue(table.has(table.reserve(record("a", "/no/other/file"))));
    assertFalse(table.has(entry));
  }

  @Test
  void noAliasLeadsToAVolumeThatIsNotThereOrGoes() {
    VolumeEntry going = put("going");
    table.takeLeave(going, false);
    assertThrows(Refusal.class, () -> table.reserve(record("a", "wherry:going")));
    assertThrows(Refusal.class, () -> table.reserve(record("a", "wherry:nowhere")));
  }

  @Test
  void noVolumeGoesWhileAnAliasLeadsToItNotEvenByForce() {
    VolumeEntry disk = put("disk");
    VolumeEntry alias = put("alias", "/dev/null", "wherry:disk");
    assertThrows(Refusal.class, () -> table.takeLeave(disk, true));
    assertFalse(disk.leaving());
    table.remove(alias);
    table.takeLeave(disk, false);
    assertTrue(disk.leaving());
  }

  @Test
  void aliasesComeBeforeWhatTheyLeadTo() {
    VolumeEntry disk = put("b");
    VolumeEntry alias = put("c", "wherry:b");
    VolumeEntry further = put("a", "wherry:c");
    assertEquals(List.of(further, alias, disk), table.aliasesFirst());
    assertEquals(List.of(alias), table.targets(further.record()));
  }

  @Test
  void aCommandWaitsForHousekeepingAndIsRefusedWhileAnotherCommandRunsOn() throws Exception {
    VolumeEntry entry = new VolumeEntry(record("busy"), true, Duration.ZERO);
    assertTrue(entry.tryBegin("made plain"));
    assertFalse(entry.tryBegin("opened"));
    Thread command = new Thread(() -> entry.begin("shared"));
    command.start();
    Awaitility.await().until(() -> command.getState() == Thread.State.TIMED_WAITING);
    entry.end();
    command.join();
    Refusal refused = assertThrows(Refusal.class, () -> entry.begin("resized"));
    assertEquals("volume busy is being shared", refused.getMessage());
    entry.end();
    assertFalse(entry.isBusy());
  }

  @Test
  void aCommandWaitsForTheEndOfAnotherOne() throws Exception {
    VolumeEntry entry = new VolumeEntry(record("busy"), true, Duration.ofMinutes(1));
    entry.begin("released");
    Thread command = new Thread(() -> entry.begin("shared"));
    command.start();
    Awaitility.await().until(() -> command.getState() == Thread.State.TIMED_WAITING);
    entry.end();
    command.join();
    assertTrue(entry.isBusy());
    entry.end();
  }
}
