/**
 * Devices that go wrong on purpose, for tests: {@link dev.wherry.path.fault.FaultDevice} fails,
 * delays and holds requests, {@link dev.wherry.path.fault.PowerLossDevice} forgets what was not
 * flushed. {@link dev.wherry.path.fault.InterceptedDevice} has all requests pass one method, for
 * devices that treat them alike. See README.md beside this file.
 */
@NullMarked
package dev.wherry.path.fault;

import org.jspecify.annotations.NullMarked;
