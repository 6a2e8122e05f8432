package dev.wherry.path.map;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Random;
import java.util.TreeSet;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PageSetTest {
  @ParameterizedTest
  @ValueSource(ints = {1, 63, 64, 65, 4096, 4097, 300_000})
  void itFindsWhatWasAddedAndNotRemoved(int pages) {
    Random random = new Random(pages);
    PageSet set = new PageSet(pages);
    TreeSet<Integer> expected = new TreeSet<>();
    for (int i = 0; i < 2000; i++) {
      int page = random.nextInt(10) == 0 ? pages - 1 : random.nextInt(pages);
      if (random.nextInt(3) > 0) {
        set.add(page);
        expected.add(page);
      } else {
        set.remove(page);
        expected.remove(page);
      }
      int from = random.nextInt(pages + 1);
      Integer next = expected.ceiling(from);
      assertEquals(next == null ? -1 : next, set.next(from));
    }
    expected.forEach(set::remove);
    assertEquals(-1, set.next(0));
  }
}
