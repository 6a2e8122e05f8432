/**
 * A model checker of shared volumes: two or three nodes with their stores, maps, logs and links are
 * simulated in one thread and virtual time, hosts send random requests, operators and accidents do
 * what they do, and every answer is compared with what a single disk could have given.
 *
 * <p>{@link dev.wherry.path.shared.model.Schedule} runs one seed; {@link
 * dev.wherry.path.shared.model.Oracle} judges it. What is under test is reached through {@link
 * dev.wherry.path.shared.model.Engine} alone.
 */
@NullMarked
package dev.wherry.path.shared.model;

import org.jspecify.annotations.NullMarked;
