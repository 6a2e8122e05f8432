package dev.wherry.nbd.server;

import java.security.Principal;
import javax.naming.InvalidNameException;
import javax.naming.ldap.LdapName;
import javax.naming.ldap.Rdn;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.SSLSession;

/** The common name in a verified client certificate. */
final class CertificateName {
  private CertificateName() {}

  /** The subject's CN; the whole subject if it has none. Never null: who got here was verified. */
  static String of(SSLSession session) {
    try {
      Principal subject = session.getPeerPrincipal();
      for (Rdn part : new LdapName(subject.getName()).getRdns()) {
        if (part.getType().equalsIgnoreCase("CN")) {
          return part.getValue().toString();
        }
      }
      return subject.getName();
    } catch (SSLPeerUnverifiedException | InvalidNameException e) {
      throw new IllegalStateException("a client without a usable certificate was let in", e);
    }
  }
}
