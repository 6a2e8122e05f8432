package dev.wherry.path.shared;

/**
 * A read policy for a part of a volume.
 *
 * @param offset in bytes, a multiple of the block size
 * @param length in bytes, more than 0
 */
public record RangePolicy(long offset, long length, ReadPolicy policy) {
  /** As the CLI takes it and REST shows it: {@code OFFSET+LENGTH=POLICY}, in bytes. */
  public String label() {
    return offset + "+" + length + "=" + policy.label();
  }
}
