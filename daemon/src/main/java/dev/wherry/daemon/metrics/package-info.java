/**
 * What Prometheus gets. The NBD server counts on its event loops; {@link
 * dev.wherry.daemon.metrics.NbdCollector} reads the counters when somebody asks.
 */
@NullMarked
package dev.wherry.daemon.metrics;

import org.jspecify.annotations.NullMarked;
