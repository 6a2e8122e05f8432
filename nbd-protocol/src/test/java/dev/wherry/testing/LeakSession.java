package dev.wherry.testing;

import org.junit.platform.launcher.LauncherSession;
import org.junit.platform.launcher.LauncherSessionListener;

/**
 * Before any test class is loaded: has leaks collected, and lets JUnit find {@link FailOnLeak}.
 * Registered in META-INF/services.
 */
public final class LeakSession implements LauncherSessionListener {
  @Override
  public void launcherSessionOpened(LauncherSession session) {
    LeakReports.install();
    System.setProperty("junit.jupiter.extensions.autodetection.enabled", "true");
  }
}
