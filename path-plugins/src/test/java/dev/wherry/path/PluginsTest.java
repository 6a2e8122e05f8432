package dev.wherry.path;

import static dev.wherry.path.DeviceModel.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.path.memory.MemoryDevice;
import io.netty.buffer.ByteBuf;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Third parties' plugins: compiled here, apart from the project, from nothing but the SPI. */
class PluginsTest {
  /** Keeps every byte inverted on its device. */
  private static final String HANDLER =
      """
      package org.example;

      import dev.wherry.nbd.FileSlice;
      import dev.wherry.path.BlockDevice;
      import dev.wherry.path.ForwardingHandler;
      import dev.wherry.path.PathHandler;
      import dev.wherry.path.PathPlugin;
      import io.netty.buffer.ByteBuf;
      import java.util.Map;
      import java.util.concurrent.CompletableFuture;

      public final class Invert implements PathPlugin {
        @Override public String name() { return "NAME"; }

        @Override public CompletableFuture<PathHandler> open(
            String suid, BlockDevice backing, Map<String, String> settings) {
          return CompletableFuture.completedFuture(new Handler(backing));
        }

        private static ByteBuf inverted(ByteBuf data) {
          ByteBuf copy = data.copy();
          for (int i = 0; i < copy.readableBytes(); i++) {
            copy.setByte(i, ~copy.getByte(i));
          }
          return copy;
        }

        private static final class Handler extends ForwardingHandler {
          Handler(BlockDevice device) { super("NAME", device); }

          @Override public CompletableFuture<ByteBuf> read(long offset, int length) {
            return super.read(offset, length).thenApply(data -> {
              try {
                return inverted(data);
              } finally {
                data.release();
              }
            });
          }

          @Override public CompletableFuture<Void> write(long offset, ByteBuf data, int flags) {
            ByteBuf stored = inverted(data);
            return super.write(offset, stored, flags).whenComplete((v, t) -> stored.release());
          }

          @Override public boolean tryRead(long offset, int length, ByteBuf into) { return false; }
          @Override public boolean tryWrite(long offset, ByteBuf data) { return false; }
          @Override public FileSlice trySend(long offset, int length) { return null; }
        }
      }
      """;

  private static final String DEVICE =
      """
      package org.example;

      import dev.wherry.path.BlockDevice;
      import dev.wherry.path.DeviceContext;
      import dev.wherry.path.DevicePlugin;
      import java.util.Set;
      import java.util.concurrent.CompletableFuture;

      public final class Nowhere implements DevicePlugin {
        @Override public Set<String> schemes() { return Set.of("nowhere"); }

        @Override public CompletableFuture<BlockDevice> open(String spec, DeviceContext context) {
          return CompletableFuture.failedFuture(new IllegalArgumentException("heard " + spec));
        }
      }
      """;

  @TempDir Path dir;

  private PluginJars jars() {
    return new PluginJars(dir);
  }

  private Path pluginDir() throws IOException {
    return jars().directory();
  }

  private void jar(String name, Map<String, String> sources, Map<String, String> services)
      throws IOException {
    jars().add(name, sources, services);
  }

  private void invertJar(String jar, String handlerName) throws IOException {
    jar(
        jar,
        Map.of("Invert", HANDLER.replace("NAME", handlerName), "Nowhere", DEVICE),
        Map.of(
            PathPlugin.class.getName(), "org.example.Invert\n",
            DevicePlugin.class.getName(), "# a device\norg.example.Nowhere\n"));
  }

  @Test
  void whatShipsIsThereWithoutAnyDirectory() throws Exception {
    try (Plugins plugins = Plugins.load(dir.resolve("missing"))) {
      assertEquals(List.of(), plugins.problems());
      assertTrue(plugins.handler("local").isPresent());
      assertTrue(
          plugins.schemes().containsAll(List.of("memory", "zero", "wherry")),
          plugins.schemes().toString());
      assertTrue(plugins.device("ZERO:1K").isPresent());
      assertEquals(plugins.schemes().contains("file"), plugins.device("/x:y").isPresent());
      try (TestContext threads = new TestContext()) {
        BlockDevice device = await(plugins.open("zero:1K", threads.context()));
        assertEquals(1024, device.info().size());
        for (String unknown : List.of("gluster:a", "relative/path", "", ":")) {
          ExecutionException e =
              assertThrows(
                  ExecutionException.class, () -> await(plugins.open(unknown, threads.context())));
          assertInstanceOf(IllegalArgumentException.class, e.getCause());
        }
        assertThrows(
            ExecutionException.class, () -> await(plugins.open("zero:x", threads.context())));
      }
    }
  }

  @Test
  void aPluginBuiltApartFromTheProjectServesAVolume() throws Exception {
    invertJar("invert.jar", "invert");
    try (Plugins plugins = Plugins.load(pluginDir());
        TestContext threads = new TestContext()) {
      assertEquals(List.of(), plugins.problems());
      assertTrue(plugins.handlerNames().containsAll(List.of("invert", "local")));
      assertNotEquals(
          Plugins.class.getClassLoader(),
          plugins.handler("invert").orElseThrow().getClass().getClassLoader());
      MemoryDevice backing = new MemoryDevice(4096);
      PathHandler handler =
          await(plugins.handler("invert").orElseThrow().open("a", backing, Map.of()));
      Volume volume = new Volume("a", handler);
      ByteBuf data = TestBuffers.DIRECT.of(new byte[] {1, 2, 3});
      await(volume.write(0, data, 0));
      data.release();
      ByteBuf stored = await(backing.read(0, 1));
      assertEquals(~1, stored.readByte());
      stored.release();
      ByteBuf read = await(volume.read(0, 3));
      assertEquals(1, read.readByte());
      read.release();
      await(volume.close());

      ExecutionException e =
          assertThrows(
              ExecutionException.class, () -> await(plugins.open("nowhere:a", threads.context())));
      assertEquals("heard nowhere:a", e.getCause().getMessage());
    }
  }

  @Test
  void brokenJarsAreNamedAndTheRestLoads() throws Exception {
    Files.writeString(pluginDir().resolve("a-text.jar"), "this is no jar");
    jar("b-empty.jar", Map.of("Nowhere", DEVICE), Map.of());
    jar(
        "c-lost.jar",
        Map.of("Nowhere", DEVICE),
        Map.of(PathPlugin.class.getName(), "org.example.Lost\n"));
    jar(
        "d-wrong.jar",
        Map.of("Nowhere", DEVICE),
        Map.of(PathPlugin.class.getName(), "not a class name\norg.example.Nowhere\n"));
    invertJar("e-name.jar", "in vert");
    invertJar("f-good.jar", "invert");
    Files.createDirectories(pluginDir().resolve("g-dir.jar"));
    try (Plugins plugins = Plugins.load(pluginDir())) {
      assertTrue(plugins.handler("invert").isPresent());
      assertTrue(plugins.handler("local").isPresent());
      Map<String, List<String>> problems =
          plugins.problems().stream()
              .collect(
                  Collectors.groupingBy(
                      p -> Path.of(p.source()).getFileName().toString(),
                      Collectors.mapping(Plugins.Problem::reason, Collectors.toList())));
      assertTrue(problems.get("a-text.jar").get(0).startsWith("not a readable jar"));
      assertEquals(
          List.of("names no PathPlugin, no DevicePlugin and no ReadPolicy"),
          problems.get("b-empty.jar"));
      assertTrue(problems.get("c-lost.jar").get(0).contains("org.example.Lost"));
      assertTrue(problems.containsKey("d-wrong.jar"));
      assertEquals(
          List.of("handler name 'in vert': must be letters, digits and '-'"),
          problems.get("e-name.jar"));
      assertEquals(
          List.of("scheme 'nowhere' is there already, from " + pluginDir().resolve("e-name.jar")),
          problems.get("f-good.jar"));
      assertTrue(problems.containsKey("g-dir.jar"));
    }
  }

  @Test
  void aNameThatIsTakenStaysWithWhoHadItFirst() throws Exception {
    invertJar("a.jar", "local");
    try (Plugins plugins = Plugins.load(pluginDir())) {
      assertEquals(
          List.of(
              new Plugins.Problem(
                  pluginDir().resolve("a.jar").toString(),
                  "handler 'local' is there already, from class path")),
          plugins.problems());
      assertInstanceOf(
          dev.wherry.path.local.LocalPlugin.class, plugins.handler("local").orElseThrow());
      assertTrue(plugins.device("nowhere:x").isPresent());
    }
  }
}
