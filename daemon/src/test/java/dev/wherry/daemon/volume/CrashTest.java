package dev.wherry.daemon.volume;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.daemon.catalog.Catalog;
import dev.wherry.daemon.catalog.CatalogCheck;
import dev.wherry.daemon.catalog.SqliteCatalog;
import dev.wherry.daemon.catalog.VolumeRecord.Backing;
import dev.wherry.daemon.catalog.VolumeRecord.State;
import dev.wherry.daemon.process.DataDirectory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The daemon dies between any two steps of a change; the next start makes it whole. */
final class CrashTest {
  /** Death: no clean-up of the code under test runs. */
  private static final class Death extends Error {
    private static final long serialVersionUID = 1;
  }

  @TempDir Path dir;

  private final ExecutorService workers = Executors.newFixedThreadPool(2);

  @AfterEach
  void stop() throws InterruptedException {
    workers.shutdown();
    assertTrue(workers.awaitTermination(60, TimeUnit.SECONDS));
  }

  private static CreateVolume wanted(String suid) {
    return new CreateVolume(suid, 8192L, List.of(), "local", Map.of(), 4096, false);
  }

  private Catalog catalog() throws IOException {
    Files.createDirectories(dir);
    return SqliteCatalog.open(new DataDirectory(dir), "n", Clock.systemUTC());
  }

  private VolumeRegistry registry(Catalog catalog, String deadly) {
    return VolumeRegistryFactory.of(
        dir,
        catalog,
        point -> {
          if (point.equals(deadly)) {
            throw new Death();
          }
        },
        workers);
  }

  /** What a start finds, and that the offline check finds nothing after it. */
  private List<String> afterRestart() throws IOException {
    List<String> suids;
    try (Catalog catalog = catalog()) {
      VolumeRegistry registry = registry(catalog, "never");
      registry.start(Runnable::run).join();
      suids = registry.list().stream().map(VolumeEntry::suid).toList();
      registry.list().forEach(e -> assertEquals("online", e.state()));
      assertTrue(registry.close(Duration.ofSeconds(60)));
    }
    assertEquals(List.of(), CatalogCheck.run(dir));
    return suids;
  }

  @ParameterizedTest
  @ValueSource(strings = {"create: recorded", "create: file made"})
  void aCreationThatWasCutOffNeverHappened(String point) throws IOException {
    try (Catalog catalog = catalog()) {
      assertThrows(Death.class, () -> registry(catalog, point).create(wanted("a")));
    }
    assertEquals(List.of(), afterRestart());
    try (var files = Files.list(dir.resolve("volumes"))) {
      assertEquals(0, files.count());
    }
  }

  @Test
  void aCreationThatWasReadyHappened() throws IOException {
    try (Catalog catalog = catalog()) {
      assertThrows(Death.class, () -> registry(catalog, "create: ready").create(wanted("a")));
    }
    // The file that the dead registry left open is this process's; a real one would be gone.
    assertEquals(List.of("a"), catalogued());
  }

  @ParameterizedTest
  @ValueSource(strings = {"delete: recorded", "erase: file removed"})
  void aDeletionThatBeganIsFinished(String point) throws IOException {
    try (Catalog catalog = catalog()) {
      VolumeRegistry registry = registry(catalog, point);
      registry.create(wanted("a"));
      registry.create(wanted("b"));
      assertThrows(Death.class, () -> registry.delete("a", false));
      registry.close(Duration.ofSeconds(60));
    }
    assertEquals(List.of("b"), afterRestart());
  }

  @Test
  void anImageThatCannotBeRemovedKeepsNoOtherVolumeDown() throws IOException {
    Path image = dir.resolve("volumes/a.img");
    try (Catalog catalog = catalog()) {
      VolumeRegistry registry = registry(catalog, "delete: recorded");
      registry.create(wanted("a"));
      registry.create(wanted("b"));
      assertThrows(Death.class, () -> registry.delete("a", false));
      registry.close(Duration.ofSeconds(60));
    }
    Files.delete(image);
    Files.createDirectories(image.resolve("not empty"));
    try (Catalog catalog = catalog()) {
      VolumeRegistry registry = registry(catalog, "never");
      registry.start(Runnable::run).join();
      assertEquals("online", registry.get("b").state());
      assertEquals("failed", registry.get("a").state());
      String reason = String.valueOf(registry.get("a").reason());
      assertTrue(reason.contains(image.toString()), reason);
      assertThrows(Refusal.class, () -> new VolumeChanges(registry).reopen("a"));
      assertThrows(Refusal.class, () -> registry.delete("a", false));

      Files.delete(image.resolve("not empty"));
      registry.delete("a", false);
      assertTrue(registry.close(Duration.ofSeconds(60)));
    }
    assertEquals(List.of("b"), afterRestart());
  }

  @Test
  void aVolumeThatCannotBeRemovedIsNoLongerOnline() throws IOException {
    Path image = dir.resolve("volumes/a.img");
    VolumeRegistry registry = registry(new MemoryCatalog(), "never");
    registry.create(wanted("a"));
    Files.delete(image);
    Files.createDirectories(image.resolve("not empty"));
    assertThrows(Refusal.class, () -> registry.delete("a", false));
    assertEquals("failed", registry.get("a").state());
    assertTrue(registry.close(Duration.ofSeconds(60)));
  }

  @Test
  void anImageOutsideOfTheDataDirectoryIsNeverRemoved() throws IOException {
    Path other = Files.write(dir.resolve("a.img"), new byte[8192]);
    MemoryCatalog catalog = new MemoryCatalog();
    VolumeRegistry first = registry(new MemoryCatalog(), "never");
    catalog.put(
        first
            .create(wanted("a"))
            .record()
            .withBacking(List.of(new Backing(other.toString(), true)))
            .withState(State.DELETING));
    assertTrue(first.close(Duration.ofSeconds(60)));
    VolumeRegistry registry = registry(catalog, "never");
    registry.start(Runnable::run).join();
    assertTrue(Files.exists(other));
    assertEquals("failed", registry.get("a").state());
  }

  @Test
  void imagesThatAnEmptyCatalogDoesNotKnowAreNamed() throws IOException {
    Files.createDirectories(dir.resolve("volumes"));
    Files.write(dir.resolve("volumes/lost.img"), new byte[1]);
    assertEquals(List.of("lost.img"), OrphanImages.find(new DataDirectory(dir), List.of()));
  }

  private List<String> catalogued() throws IOException {
    try (Catalog catalog = catalog()) {
      return catalog.volumes().stream().map(v -> v.suid()).toList();
    }
  }
}
