package dev.wherry.testing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;

import io.netty.buffer.PooledByteBufAllocator;
import io.netty.util.ResourceLeakDetector;
import org.junit.jupiter.api.Test;
import org.junit.platform.launcher.LauncherDiscoveryRequest;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;
import org.junit.platform.launcher.listeners.SummaryGeneratingListener;

class FailOnLeakTest {
  /** Run by the test below alone: its name hides it from surefire. */
  static final class Leaking {
    @Test
    @SuppressWarnings("UnusedVariable")
    void passesButForgetsABuffer() {
      for (int i = 0; i < 8; i++) {
        PooledByteBufAllocator.DEFAULT.directBuffer(100).writeInt(i);
      }
    }
  }

  static final class Clean {
    @Test
    void releasesItsBuffer() {
      PooledByteBufAllocator.DEFAULT.directBuffer(100).release();
    }
  }

  @Test
  void theTestsRunWithTheParanoidDetector() {
    assertEquals(ResourceLeakDetector.Level.PARANOID, ResourceLeakDetector.getLevel());
  }

  @Test
  void aClassThatLeaksFailsThoughItsTestsPass() {
    SummaryGeneratingListener summary = run(Leaking.class);
    assertEquals(1, summary.getSummary().getTestsSucceededCount());
    assertEquals(1, summary.getSummary().getFailures().size());
    String message =
        String.valueOf(summary.getSummary().getFailures().get(0).getException().getMessage());
    assertTrue(message.contains("passesButForgetsABuffer"), message);
  }

  @Test
  void aClassThatReleasesEverythingPasses() {
    SummaryGeneratingListener summary = run(Clean.class);
    assertEquals(1, summary.getSummary().getTestsSucceededCount());
    assertTrue(summary.getSummary().getFailures().isEmpty());
  }

  private static SummaryGeneratingListener run(Class<?> tests) {
    // What other classes left behind is theirs to answer for.
    assertTrue(LeakReports.drain().isEmpty());
    SummaryGeneratingListener summary = new SummaryGeneratingListener();
    LauncherDiscoveryRequest request =
        LauncherDiscoveryRequestBuilder.request().selectors(selectClass(tests)).build();
    LauncherFactory.create().execute(request, summary);
    return summary;
  }
}
