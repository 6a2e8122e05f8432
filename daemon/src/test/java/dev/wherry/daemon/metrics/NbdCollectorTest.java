package dev.wherry.daemon.metrics;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.daemon.metrics.NbdCollector.Figures;
import dev.wherry.nbd.server.ExportStats;
import dev.wherry.nbd.server.RecordedStats;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

final class NbdCollectorTest {
  private static Figures volume(String suid, ExportStats stats) {
    return new Figures(suid, stats, 0, 4096, "online");
  }

  private static String scrape(NbdCollector collector) {
    PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    registry.getPrometheusRegistry().register(collector);
    return registry.scrape();
  }

  @Test
  void thousandsOfVolumesThatNobodyUsesCostAFewLinesEach() {
    ExportStats none = new ExportStats();
    int volumes = 3000;
    String text =
        scrape(
            new NbdCollector(
                () -> IntStream.range(0, volumes).mapToObj(i -> volume("v" + i, none))));
    assertTrue(text.contains("wherry_volume_size_bytes{suid=\"v2999\"} 4096"));
    assertFalse(text.contains("wherry_nbd_request_seconds_bucket"));
    assertTrue(text.length() < volumes * 400, text.length() + " characters");
  }

  @Test
  void aHistogramCountsEveryRequestOnceInBucketsThatGrowByFour() {
    String text =
        scrape(
            new NbdCollector(
                () -> Stream.of(volume("a", RecordedStats.reads(1, 2000, 3000, 1L << 40)))));
    String series = "wherry_nbd_request_seconds_bucket{command=\"read\",suid=\"a\",le=";
    assertEquals(14, text.lines().filter(l -> l.startsWith(series)).count(), text);
    assertTrue(text.contains(series + "\"2.048E-6\"} 2\n"), text);
    assertTrue(text.contains(series + "\"8.192E-6\"} 3\n"), text);
    assertTrue(text.contains(series + "\"+Inf\"} 4\n"), text);
    assertTrue(text.contains("wherry_nbd_requests_total{command=\"read\",suid=\"a\"} 4"), text);
  }
}
