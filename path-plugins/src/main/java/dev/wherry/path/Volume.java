package dev.wherry.path;

import dev.wherry.nbd.Export;

/**
 * A storage unit as hosts hold it open: a SUID and, behind it, a path handler that can be replaced
 * while requests come in.
 */
public interface Volume extends Export {
  String suid();
}
