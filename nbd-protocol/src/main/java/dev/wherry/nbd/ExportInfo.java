package dev.wherry.nbd;

import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/**
 * What a client is told of an export, and what a caller may ask of it.
 *
 * @param size in bytes, 0 or more
 * @param minBlock the smallest unit of offset and length in bytes, a power of two, 1 to 64 Ki
 * @param preferredBlock the unit that performs well, a power of two, at least {@code minBlock}
 * @param readOnly no write, trim or zero is accepted (EPERM)
 * @param rotational the medium has seek times
 * @param abilities what it can do beside reads and writes
 * @param description for people; may be empty
 * @param contexts names of the metadata contexts that {@link Export#status} answers
 */
public record ExportInfo(
    long size,
    int minBlock,
    int preferredBlock,
    boolean readOnly,
    boolean rotational,
    Set<Ability> abilities,
    String description,
    List<String> contexts) {

  /** What not every export can. */
  public enum Ability {
    /** FLUSH is understood. */
    FLUSH,
    /** {@link Export#FUA} is understood. */
    FUA,
    /** TRIM is understood. */
    TRIM,
    /** WRITE_ZEROES is understood. */
    ZERO,
    /** {@link Export#FAST_ZERO} is understood: it zeroes fast or fails with ENOTSUP. */
    FAST_ZERO,
    /** CACHE is understood. */
    CACHE,
    /** FLUSH on any connection covers every write that was answered on any other. */
    MULTI_CONN
  }

  private static final Set<Ability> ALL = Set.of(Ability.values());

  public ExportInfo {
    if (size < 0) {
      throw new IllegalArgumentException("size " + size + ": must be 0 or more");
    }
    if (Integer.bitCount(minBlock) != 1 || minBlock > 65536) {
      throw new IllegalArgumentException("minimum block " + minBlock);
    }
    if (Integer.bitCount(preferredBlock) != 1 || preferredBlock < minBlock) {
      throw new IllegalArgumentException("preferred block " + preferredBlock);
    }
    abilities = Set.copyOf(abilities);
    contexts = List.copyOf(contexts);
  }

  /** A writable export of {@code size} bytes that understands everything. */
  public static ExportInfo of(long size) {
    return new ExportInfo(size, 1, 4096, false, false, ALL, "", List.of(Extent.BASE_ALLOCATION));
  }

  /** Whether it has the ability. */
  public boolean can(Ability ability) {
    return abilities.contains(ability);
  }

  public ExportInfo withSize(long newSize) {
    return new ExportInfo(
        newSize, minBlock, preferredBlock, readOnly, rotational, abilities, description, contexts);
  }

  public ExportInfo withBlocks(int min, int preferred) {
    return new ExportInfo(
        size, min, preferred, readOnly, rotational, abilities, description, contexts);
  }

  public ExportInfo withReadOnly(boolean value) {
    return new ExportInfo(
        size, minBlock, preferredBlock, value, rotational, abilities, description, contexts);
  }

  public ExportInfo withRotational(boolean value) {
    return new ExportInfo(
        size, minBlock, preferredBlock, readOnly, value, abilities, description, contexts);
  }

  /** With an ability, or without it. */
  public ExportInfo with(Ability ability, boolean value) {
    Set<Ability> changed = EnumSet.noneOf(Ability.class);
    changed.addAll(abilities);
    if (value) {
      changed.add(ability);
    } else {
      changed.remove(ability);
    }
    return new ExportInfo(
        size, minBlock, preferredBlock, readOnly, rotational, changed, description, contexts);
  }

  public ExportInfo withDescription(String text) {
    return new ExportInfo(
        size, minBlock, preferredBlock, readOnly, rotational, abilities, text, contexts);
  }

  public ExportInfo withContexts(List<String> names) {
    return new ExportInfo(
        size, minBlock, preferredBlock, readOnly, rotational, abilities, description, names);
  }
}
