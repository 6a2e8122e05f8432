package dev.wherry.daemon.metrics;

import dev.wherry.daemon.node.NodeRegistry;
import dev.wherry.daemon.node.NodeView;
import dev.wherry.daemon.node.PeerLinks;
import dev.wherry.daemon.volume.VolumeEntry;
import dev.wherry.daemon.volume.VolumeRegistry;
import dev.wherry.path.move.Mover;
import dev.wherry.path.shared.Divergence;
import dev.wherry.path.shared.SharedVolume;
import io.prometheus.metrics.model.registry.MultiCollector;
import io.prometheus.metrics.model.snapshots.CounterSnapshot;
import io.prometheus.metrics.model.snapshots.CounterSnapshot.CounterDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot.GaugeDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.Labels;
import io.prometheus.metrics.model.snapshots.MetricSnapshots;

/**
 * Shared volumes and links in figures. Read at each scrape; a volume that no other node has, and
 * that is whole, has no series.
 */
public final class ShareCollector implements MultiCollector {
  private final VolumeRegistry volumes;
  private final NodeRegistry nodes;

  public ShareCollector(VolumeRegistry volumes, NodeRegistry nodes) {
    this.volumes = volumes;
    this.nodes = nodes;
  }

  @Override
  public MetricSnapshots collect() {
    GaugeSnapshot.Builder blocks =
        gauge(
            "wherry_volume_blocks",
            "Blocks by state: total, here (readable without a source),"
                + " dirty (differ from the source); of a fenced one divergent: those that may be"
                + " nowhere else");
    GaugeSnapshot.Builder owner =
        gauge("wherry_volume_owner", "1 where this node owns the shared volume, else 0");
    GaugeSnapshot.Builder epoch = gauge("wherry_volume_epoch", "Counts the owners");
    CounterSnapshot.Builder moved =
        CounterSnapshot.builder()
            .name("wherry_volume_moved_bytes")
            .help("Brought here by the background move");
    GaugeSnapshot.Builder stall =
        gauge(
            "wherry_volume_handover_stall_seconds",
            "How long hosts of this node were held at the last hand-over");
    for (VolumeEntry e : volumes.list()) {
      SharedVolume engine = e.engine();
      if (engine == null) {
        continue;
      }
      Labels suid = Labels.of("suid", e.suid());
      SharedVolume.Blocks b = engine.blocks();
      blocks.dataPoint(point(suid.add("state", "total"), (double) b.total()));
      blocks.dataPoint(point(suid.add("state", "here"), (double) b.here()));
      blocks.dataPoint(point(suid.add("state", "dirty"), (double) b.dirty()));
      Divergence only = engine.divergence();
      if (only != null) {
        blocks.dataPoint(point(suid.add("state", "divergent"), (double) only.blocks()));
      }
      owner.dataPoint(point(suid, engine.state().owner().equals(nodes.self().name()) ? 1 : 0));
      epoch.dataPoint(point(suid, (double) engine.state().epoch()));
      Mover.Status move = engine.move();
      if (move != null) {
        moved.dataPoint(count(suid, (double) move.bytesMoved()));
      }
      SharedVolume.Handover handover = engine.handover();
      if (handover != null) {
        stall.dataPoint(point(suid, handover.stallNanos() / 1e9));
      }
    }
    GaugeSnapshot.Builder up = gauge("wherry_link_up", "1 where the node can be reached, else 0");
    GaugeSnapshot.Builder roundTrip =
        gauge("wherry_link_round_trip_seconds", "The smallest of the last minute");
    CounterSnapshot.Builder bytes =
        CounterSnapshot.builder()
            .name("wherry_link_bytes")
            .help("Sent and received: raw, and as it went over the wire");
    for (NodeView n : nodes.list(true)) {
      if (n.self()) {
        continue;
      }
      Labels node = Labels.of("node", n.name());
      up.dataPoint(point(node, n.state().equals(PeerLinks.Status.ONLINE) ? 1 : 0));
      roundTrip.dataPoint(point(node, n.roundTripMillis() / 1e3));
      bytes.dataPoint(count(node.add("kind", "raw"), (double) n.rawBytes()));
      bytes.dataPoint(count(node.add("kind", "wire"), (double) n.wireBytes()));
    }
    return MetricSnapshots.of(
        blocks.build(),
        owner.build(),
        epoch.build(),
        moved.build(),
        stall.build(),
        up.build(),
        roundTrip.build(),
        bytes.build());
  }

  private static GaugeSnapshot.Builder gauge(String name, String help) {
    return GaugeSnapshot.builder().name(name).help(help);
  }

  private static GaugeDataPointSnapshot point(Labels labels, double value) {
    return GaugeDataPointSnapshot.builder().labels(labels).value(value).build();
  }

  private static CounterDataPointSnapshot count(Labels labels, double value) {
    return CounterDataPointSnapshot.builder().labels(labels).value(value).build();
  }
}
