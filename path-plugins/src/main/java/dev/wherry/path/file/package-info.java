/**
 * The device over a regular file or a block device of this host. {@link
 * dev.wherry.path.file.FileDevice} answers requests, at once on the event loop where that cannot
 * wait and through an {@link dev.wherry.path.io.IoEngine} where it may; what differs between files
 * and disks is in the {@code Medium}s. README.md says how each request is done and why.
 */
@NullMarked
package dev.wherry.path.file;

import org.jspecify.annotations.NullMarked;
