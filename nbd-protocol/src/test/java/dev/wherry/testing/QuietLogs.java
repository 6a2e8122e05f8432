package dev.wherry.testing;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import org.junit.platform.launcher.LauncherSession;
import org.junit.platform.launcher.LauncherSessionListener;
import org.slf4j.LoggerFactory;

/**
 * Logback logs at DEBUG where nothing configures it, and tests provoke much that is worth a line in
 * production. A module that has a logback-test.xml of its own is left alone.
 */
public final class QuietLogs implements LauncherSessionListener {
  @Override
  public void launcherSessionOpened(LauncherSession session) {
    boolean configured = getClass().getResource("/logback-test.xml") != null;
    if (!configured && LoggerFactory.getLogger(Logger.ROOT_LOGGER_NAME) instanceof Logger root) {
      root.setLevel(Level.ERROR);
    }
  }
}
