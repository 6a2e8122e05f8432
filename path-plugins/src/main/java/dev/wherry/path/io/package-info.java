/**
 * Native calls and I/O engines: {@link dev.wherry.path.io.Posix} holds the system calls that Java
 * lacks, {@link dev.wherry.path.io.BufferIo} moves bytes between Netty buffers and descriptors, and
 * an {@link dev.wherry.path.io.IoEngine} runs requests that would wait. Called by devices that are
 * files, on any thread; what can block says so.
 */
@NullMarked
package dev.wherry.path.io;

import org.jspecify.annotations.NullMarked;
