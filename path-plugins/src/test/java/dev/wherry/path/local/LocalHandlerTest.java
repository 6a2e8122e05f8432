package dev.wherry.path.local;

import static dev.wherry.path.DeviceModel.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.wherry.path.BlockDevice;
import dev.wherry.path.PathHandler;
import dev.wherry.path.PathHandlerContract;
import dev.wherry.path.memory.MemoryDevice;
import java.util.Map;
import org.junit.jupiter.api.Test;

class LocalHandlerTest extends PathHandlerContract {
  private final LocalPlugin plugin = new LocalPlugin();

  @Override
  protected PathHandler over(BlockDevice backing) throws Exception {
    return await(plugin.open("a", backing, Map.of()));
  }

  @Test
  void itIsItsDevice() throws Exception {
    MemoryDevice backing = new MemoryDevice(4096);
    PathHandler handler = over(backing);
    assertEquals("local", handler.name());
    assertEquals("memory:4K", handler.describe());
    assertEquals(backing.info(), handler.info());
  }

  @Test
  void aSettingIsRefusedByName() {
    IllegalArgumentException e =
        assertThrows(
            IllegalArgumentException.class,
            () -> plugin.open("a", device, Map.of("colour", "blue")));
    assertEquals("setting 'colour': the handler 'local' has no settings", e.getMessage());
  }
}
