package dev.wherry.nbd.server;

/** Whether a listener speaks TLS ("TLS versions" and the NOTLS, FORCEDTLS, SELECTIVETLS modes). */
public enum TlsMode {
  /** STARTTLS is refused. */
  OFF,
  /** STARTTLS is offered. */
  ON,
  /** Nothing else is answered before STARTTLS. */
  REQUIRE
}
