package dev.wherry.path;

import java.io.Closeable;
import java.io.IOException;
import java.net.URLClassLoader;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The path handlers, devices and read policies that there are: those of the class path and those of
 * third parties, each in a jar of its own. Immutable; safe on any thread.
 */
public final class Plugins implements Closeable {
  private static final Logger LOG = LoggerFactory.getLogger(Plugins.class);

  /**
   * A plugin, or a whole jar, that was left out.
   *
   * @param source the jar's path, or {@code class path}
   */
  public record Problem(String source, String reason) {
    @Override
    public String toString() {
      return source + ": " + reason;
    }
  }

  private final Map<String, PathPlugin> handlers;
  private final Map<String, DevicePlugin> devices;
  private final ReadPolicies readPolicies;
  private final List<Problem> problems;
  private final List<URLClassLoader> loaders;

  Plugins(
      Map<String, PathPlugin> handlers,
      Map<String, DevicePlugin> devices,
      ReadPolicies readPolicies,
      List<Problem> problems,
      List<URLClassLoader> loaders) {
    this.handlers = Map.copyOf(handlers);
    this.devices = Map.copyOf(devices);
    this.readPolicies = readPolicies;
    this.problems = List.copyOf(problems);
    this.loaders = List.copyOf(loaders);
  }

  /**
   * Finds all plugins. Reads files: not for an event loop.
   *
   * <p>What cannot be loaded is logged, is in {@link #problems()} and stops nothing else. Where two
   * plugins have the same name the class path wins, then the jar whose name sorts first.
   *
   * @param pluginDir holds {@code *.jar}; may be missing
   */
  public static Plugins load(Path pluginDir) {
    PluginScan scan = new PluginScan();
    scan.classPath(Plugins.class.getClassLoader());
    scan.directory(pluginDir);
    Plugins plugins = scan.result();
    plugins.problems.forEach(p -> LOG.warn("plugin left out: {}", p));
    return plugins;
  }

  /** The plugin that {@code --handler} names. */
  public Optional<PathPlugin> handler(String name) {
    return Optional.ofNullable(handlers.get(name));
  }

  /** The plugin that opens devices of this spec. */
  public Optional<DevicePlugin> device(String spec) {
    return Optional.ofNullable(devices.get(scheme(spec)));
  }

  public SortedSet<String> handlerNames() {
    return new TreeSet<>(handlers.keySet());
  }

  public SortedSet<String> schemes() {
    return new TreeSet<>(devices.keySet());
  }

  /** What {@code --read} may name. */
  public ReadPolicies readPolicies() {
    return readPolicies;
  }

  public List<Problem> problems() {
    return problems;
  }

  /**
   * Opens the device of a spec.
   *
   * @return fails with {@link IllegalArgumentException} if no plugin knows the spec, else as {@link
   *     DevicePlugin#open} does
   */
  public CompletableFuture<BlockDevice> open(String spec, DeviceContext context) {
    DevicePlugin plugin = devices.get(scheme(spec));
    if (plugin == null) {
      return CompletableFuture.failedFuture(
          new IllegalArgumentException(
              "backing '"
                  + spec
                  + "': must be an absolute path or start with one of "
                  + String.join(", ", schemes())));
    }
    try {
      return plugin.open(spec, context);
    } catch (RuntimeException e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  /** {@code file} for an absolute path, else what stands before the first colon. */
  private static String scheme(String spec) {
    if (spec.startsWith("/")) {
      return "file";
    }
    int colon = spec.indexOf(':');
    return colon < 0 ? "" : spec.substring(0, colon).toLowerCase(Locale.ROOT);
  }

  /** Closes the jars. Classes that were not loaded yet cannot be from then on. */
  @Override
  public void close() throws IOException {
    for (URLClassLoader loader : loaders) {
      loader.close();
    }
  }
}
