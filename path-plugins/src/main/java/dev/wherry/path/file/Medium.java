package dev.wherry.path.file;

import dev.wherry.nbd.Extent;
import dev.wherry.path.io.PosixException;
import java.util.List;

/**
 * What differs between a regular file and a block device. All methods but {@link #canFastZero} and
 * {@link #sparse} block, and are called on the worker pool, with ranges that need no alignment.
 */
interface Medium {
  /** Releases a range, or does nothing where the medium cannot. */
  void trim(long offset, long length) throws PosixException;

  /**
   * Makes a range zero.
   *
   * @param mayPunch holes are fine
   * @param fast fail with EOPNOTSUPP rather than write zeroes
   */
  void zero(long offset, long length, boolean mayPunch, boolean fast) throws PosixException;

  /** Runs of data and holes, at least one and at most {@code limit}, from {@code offset} on. */
  List<Extent> extents(long offset, long length, int limit) throws PosixException;

  /** The first byte at or after {@code offset} that may be data; the largest number if none is. */
  long nextData(long offset) throws PosixException;

  /** Where the run of data that starts at {@code offset} ends; {@code offset} in a hole. */
  long endOfData(long offset) throws PosixException;

  void resize(long size) throws PosixException;

  /** Whether zeroing without writing worked so far. */
  boolean canFastZero();

  /** There can be holes. */
  boolean sparse();
}
