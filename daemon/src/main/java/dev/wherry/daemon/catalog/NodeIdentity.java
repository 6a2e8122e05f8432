package dev.wherry.daemon.catalog;

/**
 * Who a node is.
 *
 * @param uuid made at its first start, never changed
 * @param name what it was called at its last start
 */
public record NodeIdentity(String uuid, String name) {}
