package dev.wherry.path.shared.model;

import java.util.ArrayList;
import java.util.List;

/** Kills, power losses and cuts: at random times, and at named points. */
final class Accidents implements Faults {
  private record Planned(int atRequest, Runnable accident) {}

  private final Schedule schedule;
  private final List<Planned> planned = new ArrayList<>();
  private int armed;
  private int armedForRare;
  private int countdown;
  private boolean ended;
  private int without;
  private long roomSince = Long.MIN_VALUE;

  Accidents(Schedule schedule) {
    this.schedule = schedule;
  }

  void plan() {
    Settings s = schedule.settings();
    for (int i = 0; i < s.accidents(); i++) {
      plan(() -> strike(pick(), "a random moment"));
    }
    for (int i = 0; i < s.pointed(); i++) {
      plan(this::arm);
    }
    for (int i = 0; i < s.cuts(); i++) {
      plan(this::cut);
    }
    for (int i = 0; i < schedule.hazards().outages(); i++) {
      plan(this::outage);
    }
    for (int i = 0; i < schedule.hazards().full(); i++) {
      plan(this::fill);
    }
  }

  private void plan(Runnable accident) {
    int requests = Math.max(2, schedule.settings().requests());
    planned.add(new Planned(schedule.simulation().between(1, requests), accident));
  }

  /** So many requests were made. */
  void requests(int count) {
    for (Planned p : List.copyOf(planned)) {
      if (p.atRequest <= count) {
        planned.remove(p);
        schedule
            .simulation()
            .after(
                schedule.simulation().about(schedule.settings().linkNanos()),
                () -> {
                  if (!ended) {
                    p.accident.run();
                  }
                });
      }
    }
  }

  private void arm() {
    if (schedule.simulation().chance(0.25)) {
      armedForRare++;
    }
    armed++;
    countdown = schedule.simulation().between(1, 40);
  }

  private Node pick() {
    List<Node> nodes = schedule.nodes();
    return nodes.get(schedule.simulation().random().nextInt(nodes.size()));
  }

  @Override
  public void at(String point, Life life) {
    if (point.equals(Faults.RARE) && armedForRare > 0 && !ended && !life.dead()) {
      armedForRare--;
      strike(schedule.node(life.node()), point);
      return;
    }
    if (ended || armed == 0 || life.dead() || --countdown > 0) {
      return;
    }
    armed--;
    countdown = schedule.simulation().between(1, 40);
    strike(schedule.node(life.node()), point);
  }

  private void strike(Node node, String why) {
    if (!node.running()) {
      return;
    }
    if (schedule.settings().power() && schedule.simulation().chance(0.5)) {
      node.losePower(why);
    } else {
      node.kill(why);
    }
    startLater(node);
  }

  /** As an operator does who sees that a volume has failed. */
  void restart(Node node, String why) {
    schedule
        .simulation()
        .after(
            1_000_000,
            () -> {
              if (node.running() && !ended) {
                node.kill(why);
                startLater(node);
              }
            });
  }

  private void startLater(Node node) {
    Simulation s = schedule.simulation();
    long down = s.chance(0.5) ? s.about(5_000_000) : s.about(400_000_000);
    s.after(down, node::start);
  }

  private void cut() {
    Simulation s = schedule.simulation();
    List<Node> nodes = schedule.nodes();
    String a = pick().name();
    String b = nodes.get((nodes.indexOf(schedule.node(a)) + 1) % nodes.size()).name();
    schedule.network().cut(a, b);
    long length =
        switch (s.random().nextInt(8)) {
          case 0 -> s.about(4_000_000_000L);
          case 1, 2, 3 -> s.about(300_000_000);
          default -> s.about(schedule.settings().linkNanos() * 4);
        };
    s.after(length, () -> schedule.network().heal(a, b));
  }

  private void outage() {
    NbdServer server = schedule.server();
    if (server != null) {
      server.die(schedule.simulation().chance(0.5));
      schedule.simulation().after(whileLong(), server::start);
    }
  }

  private long whileLong() {
    Simulation s = schedule.simulation();
    return switch (s.random().nextInt(4)) {
      case 0 -> s.about(5_000_000);
      case 1 -> s.about(4_000_000_000L);
      default -> s.about(400_000_000);
    };
  }

  /** There is no room on a node for a while. */
  private void fill() {
    NodeDisk disk = pick().disk();
    if (disk.full) {
      return;
    }
    boolean maps = schedule.simulation().chance(0.5);
    schedule.log().note("no room at " + disk + (maps ? ", nor for maps" : ""));
    disk.full = true;
    disk.mapsFull = maps;
    without++;
    schedule.simulation().after(whileLong(), () -> empty(disk));
  }

  private void empty(NodeDisk disk) {
    if (disk.full) {
      schedule.log().note("room at " + disk);
      disk.full = false;
      disk.mapsFull = false;
      without--;
      roomSince = schedule.simulation().now();
    }
  }

  /** Whether there was no room on some node at a time since a moment. */
  boolean lackedRoom(long since) {
    return without > 0 || roomSince >= since;
  }

  void end() {
    ended = true;
    schedule.nodes().forEach(n -> empty(n.disk()));
  }
}
