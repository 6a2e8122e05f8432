package dev.wherry.nbd;

import java.util.List;

/**
 * What a client is told of an export, and what a caller may ask of it.
 *
 * @param size in bytes, 0 or more
 * @param minBlock the smallest unit of offset and length in bytes, a power of two, 1 to 64 Ki
 * @param preferredBlock the unit that performs well, a power of two, at least {@code minBlock}
 * @param readOnly no write, trim or zero is accepted (EPERM)
 * @param canFlush FLUSH is understood
 * @param canFua {@link Export#FUA} is understood
 * @param canTrim TRIM is understood
 * @param canZero WRITE_ZEROES is understood
 * @param canFastZero {@link Export#FAST_ZERO} is understood: it zeroes fast or fails with ENOTSUP
 * @param canCache CACHE is understood
 * @param multiConn FLUSH on any connection covers every write that was answered on any other
 * @param rotational the medium has seek times
 * @param description for people; may be empty
 * @param contexts names of the metadata contexts that {@link Export#status} answers
 */
public record ExportInfo(
    long size,
    int minBlock,
    int preferredBlock,
    boolean readOnly,
    boolean canFlush,
    boolean canFua,
    boolean canTrim,
    boolean canZero,
    boolean canFastZero,
    boolean canCache,
    boolean multiConn,
    boolean rotational,
    String description,
    List<String> contexts) {

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
    contexts = List.copyOf(contexts);
  }

  /** A writable export of {@code size} bytes that understands everything. */
  public static ExportInfo of(long size) {
    return new ExportInfo(
        size,
        1,
        4096,
        false,
        true,
        true,
        true,
        true,
        true,
        true,
        true,
        false,
        "",
        List.of(Extent.BASE_ALLOCATION));
  }

  public ExportInfo withSize(long newSize) {
    return new ExportInfo(
        newSize,
        minBlock,
        preferredBlock,
        readOnly,
        canFlush,
        canFua,
        canTrim,
        canZero,
        canFastZero,
        canCache,
        multiConn,
        rotational,
        description,
        contexts);
  }

  public ExportInfo withReadOnly(boolean value) {
    return new ExportInfo(
        size,
        minBlock,
        preferredBlock,
        value,
        canFlush,
        canFua,
        canTrim,
        canZero,
        canFastZero,
        canCache,
        multiConn,
        rotational,
        description,
        contexts);
  }

  public ExportInfo withBlocks(int min, int preferred) {
    return new ExportInfo(
        size,
        min,
        preferred,
        readOnly,
        canFlush,
        canFua,
        canTrim,
        canZero,
        canFastZero,
        canCache,
        multiConn,
        rotational,
        description,
        contexts);
  }

  public ExportInfo withMultiConn(boolean value) {
    return new ExportInfo(
        size,
        minBlock,
        preferredBlock,
        readOnly,
        canFlush,
        canFua,
        canTrim,
        canZero,
        canFastZero,
        canCache,
        value,
        rotational,
        description,
        contexts);
  }

  public ExportInfo withDescription(String text) {
    return new ExportInfo(
        size,
        minBlock,
        preferredBlock,
        readOnly,
        canFlush,
        canFua,
        canTrim,
        canZero,
        canFastZero,
        canCache,
        multiConn,
        rotational,
        text,
        contexts);
  }

  public ExportInfo withContexts(List<String> names) {
    return new ExportInfo(
        size,
        minBlock,
        preferredBlock,
        readOnly,
        canFlush,
        canFua,
        canTrim,
        canZero,
        canFastZero,
        canCache,
        multiConn,
        rotational,
        description,
        names);
  }
}
