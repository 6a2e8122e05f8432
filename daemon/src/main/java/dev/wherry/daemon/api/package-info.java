/**
 * REST under {@code /api/v1}, {@code /metrics} and {@code /health}, on one Vert.x event loop. What
 * may block runs on a pool of its own. {@code openapi.json} beside this package describes it all.
 */
@NullMarked
package dev.wherry.daemon.api;

import org.jspecify.annotations.NullMarked;
