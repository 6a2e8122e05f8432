package dev.wherry.daemon.share;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.daemon.catalog.CatalogException;
import dev.wherry.daemon.catalog.ShareRecord;
import dev.wherry.daemon.catalog.VolumeRecord;
import dev.wherry.daemon.process.DataDirectory;
import dev.wherry.daemon.volume.MemoryCatalog;
import dev.wherry.daemon.volume.VolumeEntry;
import dev.wherry.daemon.volume.VolumeRegistryFactory;
import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import dev.wherry.path.shared.ShareState;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class CatalogShareLogTest {
  private static final VolumeRecord RECORD =
      new VolumeRecord(
          "v",
          1 << 20,
          4096,
          false,
          "local",
          Map.of(),
          List.of(),
          List.of(),
          VolumeRecord.State.READY,
          42);
  private static final ShareState FIRST = ShareState.alone("a");
  private static final ShareState NEXT = FIRST.withMembers(List.of("b"));

  @TempDir Path dir;
  private final MemoryCatalog catalog = new MemoryCatalog();
  private final VolumeEntry entry = VolumeRegistryFactory.entry(RECORD);
  private CatalogShareLog log;

  @BeforeEach
  void open() {
    entry.share(new ShareRecord("v", FIRST, ShareRecord.Options.DEFAULT));
    MapFiles maps = new MapFiles(new DataDirectory(dir), new JournalFormat(Runnable::run));
    log = new CatalogShareLog(entry, catalog, maps, Runnable::run);
  }

  private Throwable refusal() {
    return assertThrows(CompletionException.class, () -> log.put(NEXT).join()).getCause();
  }

  /** The engine waits for room as it does for that of its maps. */
  @Test
  void thatTheCatalogIsFullIsSaidAsMapsSayIt() {
    catalog.refuseStates(new CatalogException("no space for the catalog", new Exception(), true));
    NbdException why = assertInstanceOf(NbdException.class, refusal());
    assertEquals(NbdError.ENOSPC, why.error());
    assertTrue(why.isHarmless());
    assertEquals("no space for the catalog", why.getMessage());
    assertEquals(FIRST, entry.shareState());
    catalog.refuseStates(null);
    log.put(NEXT).join();
    assertEquals(NEXT, entry.shareState());
  }

  @Test
  void thatItIsBrokenIsSaidAsItIs() {
    CatalogException broken = new CatalogException("the catalog cannot commit");
    catalog.refuseStates(broken);
    assertSame(broken, refusal());
  }
}
