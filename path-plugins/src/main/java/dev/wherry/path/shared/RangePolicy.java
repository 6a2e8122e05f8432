package dev.wherry.path.shared;

/**
 * A read policy for a part of a volume.
 *
 * @param offset in bytes, a multiple of the block size
 * @param length in bytes, more than 0
 * @param policy the name of a {@link dev.wherry.path.ReadPolicy}
 */
public record RangePolicy(long offset, long length, String policy) {
  /** As the CLI takes it and REST shows it: {@code OFFSET+LENGTH=POLICY}, in bytes. */
  public String label() {
    return offset + "+" + length + "=" + policy;
  }
}
