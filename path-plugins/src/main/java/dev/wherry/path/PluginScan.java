package dev.wherry.path;

import java.io.IOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;
import java.util.function.Consumer;
import java.util.jar.JarFile;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** One search for plugins: gathers what there is and what is wrong with the rest. */
final class PluginScan {
  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9-]*");
  private static final Pattern POLICY = Pattern.compile("[a-z][a-z0-9-]*");
  private static final Pattern SCHEME = Pattern.compile("[a-z][a-z0-9+.-]*");

  /** A services file that goes on being wrong is given up after this many errors. */
  private static final int MAX_ERRORS = 100;

  private final Map<String, PathPlugin> handlers = new HashMap<>();
  private final Map<String, DevicePlugin> devices = new HashMap<>();

  /** In the order of the services files: so they are listed. */
  private final Map<String, ReadPolicy> policies = new LinkedHashMap<>();

  private final Map<Object, String> owners = new HashMap<>();
  private final List<Plugins.Problem> problems = new ArrayList<>();
  private final List<URLClassLoader> loaders = new ArrayList<>();

  void classPath(ClassLoader loader) {
    services("class path", loader, null);
  }

  void directory(Path dir) {
    List<Path> jars = new ArrayList<>();
    if (Files.isDirectory(dir)) {
      try (DirectoryStream<Path> found = Files.newDirectoryStream(dir, "*.jar")) {
        found.forEach(jars::add);
      } catch (IOException | java.nio.file.DirectoryIteratorException e) {
        problems.add(new Plugins.Problem(dir.toString(), "cannot be listed: " + e.getMessage()));
      }
    }
    jars.sort(null);
    jars.forEach(this::jar);
  }

  private void jar(Path path) {
    String source = path.toString();
    URLClassLoader loader;
    try {
      // A class loader would pass over a file that is no jar without a word.
      new JarFile(path.toFile()).close();
      loader =
          new URLClassLoader(
              "plugin " + path.getFileName(),
              new URL[] {path.toUri().toURL()},
              PluginScan.class.getClassLoader());
    } catch (IOException e) {
      problems.add(new Plugins.Problem(source, "not a readable jar: " + e.getMessage()));
      return;
    }
    loaders.add(loader);
    int before = problems.size();
    int found = services(source, loader, loader);
    if (found == 0 && problems.size() == before) {
      problems.add(
          new Plugins.Problem(source, "names no PathPlugin, no DevicePlugin and no ReadPolicy"));
    }
  }

  private int services(String source, ClassLoader loader, @Nullable ClassLoader only) {
    return each(source, ServiceLoader.load(PathPlugin.class, loader), only, p -> add(source, p))
        + each(source, ServiceLoader.load(DevicePlugin.class, loader), only, p -> add(source, p))
        + each(source, ServiceLoader.load(ReadPolicy.class, loader), only, p -> add(source, p));
  }

  /**
   * @param only the loader that plugins must come from, or null for any: a jar's loader finds those
   *     of the class path too
   * @return how many plugins there are
   */
  private <P> int each(
      String source, ServiceLoader<P> services, @Nullable ClassLoader only, Consumer<P> use) {
    int found = 0;
    int errors = 0;
    Iterator<ServiceLoader.Provider<P>> it = services.stream().iterator();
    while (errors < MAX_ERRORS) {
      try {
        if (!it.hasNext()) {
          break;
        }
        ServiceLoader.Provider<P> provider = it.next();
        if (only == null || provider.type().getClassLoader() == only) {
          found++;
          use.accept(provider.get());
        }
      } catch (ServiceConfigurationError | LinkageError | RuntimeException e) {
        errors++;
        Throwable cause = e.getCause() == null ? e : e.getCause();
        problems.add(new Plugins.Problem(source, e.getMessage() + because(e, cause)));
      }
    }
    return found;
  }

  private static String because(Throwable e, Throwable cause) {
    return cause == e ? "" : " (" + cause + ")";
  }

  private void add(String source, PathPlugin plugin) {
    String name = plugin.name();
    if (!NAME.matcher(name).matches()) {
      problems.add(
          new Plugins.Problem(
              source, "handler name '" + name + "': must be letters, digits and '-'"));
    } else if (handlers.putIfAbsent(name, plugin) != null) {
      problems.add(taken(source, "handler '" + name + "'"));
    } else {
      owners.put("handler '" + name + "'", source);
    }
  }

  private void add(String source, DevicePlugin plugin) {
    for (String scheme : plugin.schemes()) {
      if (!SCHEME.matcher(scheme).matches()) {
        problems.add(
            new Plugins.Problem(
                source, "scheme '" + scheme + "': must be lower case letters, digits and '+.-'"));
      } else if (devices.putIfAbsent(scheme, plugin) != null) {
        problems.add(taken(source, "scheme '" + scheme + "'"));
      } else {
        owners.put("scheme '" + scheme + "'", source);
      }
    }
  }

  private void add(String source, ReadPolicy policy) {
    String name = policy.name();
    if (!POLICY.matcher(name).matches()) {
      problems.add(
          new Plugins.Problem(
              source,
              "read policy name '" + name + "': must be lower case letters, digits and '-'"));
    } else if (policies.putIfAbsent(name, StatedPolicy.of(name, policy)) != null) {
      problems.add(taken(source, "read policy '" + name + "'"));
    } else {
      owners.put("read policy '" + name + "'", source);
    }
  }

  private Plugins.Problem taken(String source, String what) {
    return new Plugins.Problem(source, what + " is there already, from " + owners.get(what));
  }

  Plugins result() {
    return new Plugins(handlers, devices, new ReadPolicies(policies), problems, loaders);
  }
}
