package dev.wherry.testing;

import java.util.List;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * Fails a test class after which a buffer is garbage that nobody released. Registered in
 * META-INF/services, so that it holds for every class.
 */
public final class FailOnLeak implements AfterAllCallback {
  @Override
  public void afterAll(ExtensionContext context) {
    List<String> leaks = LeakReports.drain();
    if (!leaks.isEmpty()) {
      throw new AssertionError(
          context.getDisplayName()
              + " or a class before it leaks "
              + leaks.size()
              + " buffer(s):\n"
              + String.join("\n", leaks));
    }
  }
}
