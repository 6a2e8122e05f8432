package dev.wherry.path;

import java.nio.file.Path;
import java.util.List;

/** The read policies that ship, found as a daemon finds them. */
public final class TestPolicies {
  public static final ReadPolicies SHIPPED = Plugins.load(Path.of("no plugins")).readPolicies();
  public static final List<String> NAMES = List.of("fail", "redirect", "move", "pull");

  private TestPolicies() {}
}
