package dev.wherry.path;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.wherry.nbd.Export;
import io.netty.buffer.ByteBuf;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.tools.JavaCompiler;
import javax.tools.ToolProvider;

/** Builds third parties' plugins, apart from the project, from nothing but the SPI. */
public final class PluginJars {
  private final Path dir;

  /**
   * @param dir for what is built
   */
  public PluginJars(Path dir) {
    this.dir = dir;
  }

  /** Where {@link Plugins} is to look. */
  public Path directory() throws IOException {
    return Files.createDirectories(dir.resolve("plugins"));
  }

  /** Compiles {@code sources}, by simple class name, and packs them with their services files. */
  public void add(String name, Map<String, String> sources, Map<String, String> services)
      throws IOException {
    Path src = Files.createDirectories(dir.resolve(name + ".src"));
    Path out = Files.createDirectories(dir.resolve(name + ".classes"));
    List<String> args =
        new ArrayList<>(List.of("-d", out.toString(), "-cp", spi(), "-proc:none", "-nowarn"));
    for (Map.Entry<String, String> s : sources.entrySet()) {
      Path file = src.resolve(s.getKey() + ".java");
      Files.writeString(file, s.getValue());
      args.add(file.toString());
    }
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    assertEquals(0, compiler.run(null, null, null, args.toArray(String[]::new)));
    try (JarOutputStream jar =
            new JarOutputStream(Files.newOutputStream(directory().resolve(name)));
        Stream<Path> classes = Files.walk(out)) {
      for (Path file : classes.filter(Files::isRegularFile).toList()) {
        add(jar, out.relativize(file).toString(), Files.readAllBytes(file));
      }
      for (Map.Entry<String, String> s : services.entrySet()) {
        add(jar, "META-INF/services/" + s.getKey(), s.getValue().getBytes(UTF_8));
      }
    }
  }

  private static void add(JarOutputStream jar, String name, byte[] bytes) throws IOException {
    jar.putNextEntry(new JarEntry(name));
    jar.write(bytes);
    jar.closeEntry();
  }

  /** What a plugin is compiled against. */
  private static String spi() {
    return Stream.of(
            PathPlugin.class,
            Export.class,
            ByteBuf.class,
            io.netty.channel.DefaultFileRegion.class,
            io.netty.util.ReferenceCounted.class,
            org.jspecify.annotations.Nullable.class)
        .map(c -> c.getProtectionDomain().getCodeSource().getLocation().getPath())
        .distinct()
        .collect(Collectors.joining(java.io.File.pathSeparator));
  }
}
