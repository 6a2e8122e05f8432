/**
 * Devices that go wrong on purpose, for tests: {@link dev.wherry.path.fault.FaultDevice} fails,
 * delays and holds requests, {@link dev.wherry.path.fault.PowerLossDevice} forgets what was not
 * flushed. See README.md beside this file.
 */
@NullMarked
package dev.wherry.path.fault;

import org.jspecify.annotations.NullMarked;
