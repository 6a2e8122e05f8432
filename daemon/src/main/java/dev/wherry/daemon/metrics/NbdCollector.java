package dev.wherry.daemon.metrics;

import dev.wherry.daemon.volume.VolumeEntry;
import dev.wherry.daemon.volume.VolumeRegistry;
import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.server.ExportStats;
import dev.wherry.nbd.server.ExportStats.Command;
import dev.wherry.nbd.server.ExportStats.Engine;
import io.prometheus.metrics.model.registry.MultiCollector;
import io.prometheus.metrics.model.snapshots.ClassicHistogramBuckets;
import io.prometheus.metrics.model.snapshots.CounterSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot;
import io.prometheus.metrics.model.snapshots.HistogramSnapshot;
import io.prometheus.metrics.model.snapshots.Labels;
import io.prometheus.metrics.model.snapshots.MetricSnapshots;
import io.prometheus.metrics.model.snapshots.Unit;
import java.util.List;
import java.util.Locale;
import java.util.function.Supplier;
import java.util.stream.Stream;

/**
 * The volumes in figures: requests, bytes, latency, errors by command; engines, requests in flight,
 * connections, size and state. Read at each scrape; the data path pays nothing. What has not
 * happened yet has no series: thousands of volumes that nobody uses cost a few lines each.
 */
public final class NbdCollector implements MultiCollector {
  private static final List<String> STATES = List.of("online", "suspended", "failed");

  /** The exponent of the first latency bucket's end in nanoseconds. */
  private static final int FIRST_BUCKET = 10;

  /** Two buckets of the counters are one of the histogram: a factor of four from end to end. */
  private static final int MERGED = 2;

  /**
   * One volume.
   *
   * @param connections that are attached
   * @param size in bytes
   */
  record Figures(String suid, ExportStats stats, int connections, long size, String state) {
    static Figures of(VolumeEntry e) {
      return new Figures(e.suid(), e.stats(), e.sessions(), e.record().size(), e.state());
    }
  }

  private final Supplier<Stream<Figures>> volumes;

  public NbdCollector(VolumeRegistry registry) {
    this(() -> registry.list().stream().map(Figures::of));
  }

  NbdCollector(Supplier<Stream<Figures>> volumes) {
    this.volumes = volumes;
  }

  @Override
  public MetricSnapshots collect() {
    CounterSnapshot.Builder requests =
        CounterSnapshot.builder().name("wherry_nbd_requests").help("Requests answered");
    CounterSnapshot.Builder bytes =
        CounterSnapshot.builder().name("wherry_nbd_bytes").help("Bytes of requests that succeeded");
    HistogramSnapshot.Builder latency =
        HistogramSnapshot.builder()
            .name("wherry_nbd_request_seconds")
            .unit(Unit.SECONDS)
            .help("Time from the decoded request to its reply");
    CounterSnapshot.Builder errors =
        CounterSnapshot.builder().name("wherry_nbd_errors").help("Requests that failed");
    CounterSnapshot.Builder engines =
        CounterSnapshot.builder()
            .name("wherry_nbd_engine_requests")
            .help("Requests by how they were done");
    GaugeSnapshot.Builder inFlight =
        GaugeSnapshot.builder()
            .name("wherry_nbd_in_flight")
            .help("Requests that wait for the device");
    GaugeSnapshot.Builder connections =
        GaugeSnapshot.builder()
            .name("wherry_volume_connections")
            .help("Connections that are attached");
    GaugeSnapshot.Builder size =
        GaugeSnapshot.builder()
            .name("wherry_volume_size_bytes")
            .unit(Unit.BYTES)
            .help("Size of the volume");
    GaugeSnapshot.Builder state =
        GaugeSnapshot.builder()
            .name("wherry_volume_state")
            .help("1 for the state that the volume is in");
    for (Figures e : volumes.get().toList()) {
      Labels suid = Labels.of("suid", e.suid());
      ExportStats stats = e.stats();
      for (Command c : Command.values()) {
        if (c == Command.DISC || stats.requests(c) == 0) {
          continue;
        }
        Labels labels = suid.add("command", name(c));
        requests.dataPoint(counter(labels, stats.requests(c)));
        bytes.dataPoint(counter(labels, stats.bytes(c)));
        latency.dataPoint(histogram(labels, stats, c));
        for (NbdError error : NbdError.values()) {
          long n = stats.errors(c, error);
          if (n > 0) {
            errors.dataPoint(counter(labels.add("errno", error.name()), n));
          }
        }
      }
      for (Engine engine : Engine.values()) {
        long n = stats.engine(engine);
        if (n > 0) {
          engines.dataPoint(counter(suid.add("engine", name(engine)), n));
        }
      }
      inFlight.dataPoint(gauge(suid, stats.inFlight()));
      connections.dataPoint(gauge(suid, e.connections()));
      size.dataPoint(gauge(suid, e.size()));
      for (String s : STATES) {
        state.dataPoint(gauge(suid.add("state", s), s.equals(e.state()) ? 1 : 0));
      }
    }
    return MetricSnapshots.of(
        requests.build(),
        bytes.build(),
        latency.build(),
        errors.build(),
        engines.build(),
        inFlight.build(),
        connections.build(),
        size.build(),
        state.build());
  }

  private static CounterSnapshot.CounterDataPointSnapshot counter(Labels labels, long value) {
    return CounterSnapshot.CounterDataPointSnapshot.builder()
        .labels(labels)
        .value((double) value)
        .build();
  }

  private static GaugeSnapshot.GaugeDataPointSnapshot gauge(Labels labels, long value) {
    return GaugeSnapshot.GaugeDataPointSnapshot.builder()
        .labels(labels)
        .value((double) value)
        .build();
  }

  private static HistogramSnapshot.HistogramDataPointSnapshot histogram(
      Labels labels, ExportStats stats, Command c) {
    ClassicHistogramBuckets.Builder buckets = ClassicHistogramBuckets.builder();
    for (int i = 0; i < ExportStats.BUCKETS; i += MERGED) {
      int last = Math.min(i + MERGED, ExportStats.BUCKETS) - 1;
      long n = 0;
      for (int k = i; k <= last; k++) {
        n += stats.bucket(c, k);
      }
      boolean open = last == ExportStats.BUCKETS - 1;
      double end = open ? Double.POSITIVE_INFINITY : (1L << (last + FIRST_BUCKET)) / 1e9;
      buckets.bucket(end, n);
    }
    return HistogramSnapshot.HistogramDataPointSnapshot.builder()
        .labels(labels)
        .classicHistogramBuckets(buckets.build())
        .sum(stats.nanos(c) / 1e9)
        .build();
  }

  private static String name(Enum<?> e) {
    return e.name().toLowerCase(Locale.ROOT);
  }
}
