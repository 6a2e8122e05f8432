package dev.wherry.path;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/** The read policies that there are, by name. Immutable; safe on any thread. */
public final class ReadPolicies {
  /** The name of the one that a volume has where nobody says anything else. */
  public static final String DEFAULT = "move";

  private final Map<String, ReadPolicy> byName;

  /**
   * @param byName in the order in which they are listed
   */
  public ReadPolicies(Map<String, ReadPolicy> byName) {
    this.byName = Collections.unmodifiableMap(new LinkedHashMap<>(byName));
  }

  /**
   * The policy of a name.
   *
   * @throws IllegalArgumentException if there is none; the text names those that there are
   */
  public ReadPolicy of(String name) {
    ReadPolicy policy = byName.get(name);
    if (policy == null) {
      throw new IllegalArgumentException(
          "read policy '"
              + name
              + "' is unknown; there are: "
              + String.join(", ", byName.keySet()));
    }
    return policy;
  }

  /**
   * A name, checked.
   *
   * @throws IllegalArgumentException as {@link #of} does
   */
  public String known(String name) {
    return of(name).name();
  }
}
