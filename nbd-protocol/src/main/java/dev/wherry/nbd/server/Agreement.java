package dev.wherry.nbd.server;

import dev.wherry.nbd.server.SessionMode.Context;
import java.util.List;

/** What a client has asked for and got in a negotiation so far. One thread. */
final class Agreement {
  private boolean structured;
  private boolean extended;
  private String contextExport = "";
  private List<Context> contexts = List.of();

  /** Whether replies come in chunks. */
  boolean structured() {
    return structured;
  }

  /** Whether headers are those of 64 bits. */
  boolean extended() {
    return extended;
  }

  void agreeOnStructured() {
    structured = true;
  }

  /** Structured replies come with that. */
  void agreeOnExtended() {
    extended = true;
    structured = true;
  }

  /** Contexts hold only for the export that they were set for, and until others are. */
  void agreeOnContexts(String export, List<Context> chosen) {
    contextExport = export;
    contexts = chosen;
  }

  /** No contexts are set any more. */
  void dropContexts() {
    contexts = List.of();
  }

  /** TLS begins: what was said in clear counts no more. */
  void drop() {
    structured = false;
    extended = false;
    dropContexts();
  }

  /** What the transmission of an export would be like. */
  SessionMode mode(String export) {
    boolean fits = export.equals(contextExport);
    return new SessionMode(structured, extended, fits ? contexts : List.of());
  }
}
