/**
 * What a node remembers: {@link dev.wherry.daemon.catalog.Catalog}, kept in one SQLite file. One
 * thread writes and groups commits; reading happens at start and offline, in {@link
 * dev.wherry.daemon.catalog.CatalogCheck}.
 */
@NullMarked
package dev.wherry.daemon.catalog;

import org.jspecify.annotations.NullMarked;
