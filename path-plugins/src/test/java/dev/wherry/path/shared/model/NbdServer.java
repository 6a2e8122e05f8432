package dev.wherry.path.shared.model;

import dev.wherry.path.DeviceException;
import dev.wherry.path.DeviceException.Reason;
import dev.wherry.path.shared.DeviceSource;
import dev.wherry.path.shared.Source;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * A plain NBD server that is the source of an emulated volume: no node, it knows of no epochs and
 * never asks for anything. It may be away, and with its power it loses what was not flushed.
 */
final class NbdServer {
  /** What states name it by. */
  static final String URI = "nbd://server/v";

  private final Schedule schedule;
  private final Platter platter;
  private final List<NbdClientDevice> clients = new ArrayList<>();
  private boolean up = true;

  NbdServer(Schedule schedule) {
    this.schedule = schedule;
    this.platter = new Platter(schedule.cells());
  }

  Platter platter() {
    return platter;
  }

  boolean isUp() {
    return up;
  }

  /** Its daemon ends; without its power what was not flushed is lost. */
  void die(boolean power) {
    if (!up) {
      return;
    }
    up = false;
    schedule.log().note("the NBD server dies" + (power ? ", with its power" : ""));
    clients.forEach(NbdClientDevice::lost);
    if (power) {
      platter.losePower(schedule.simulation().random());
      schedule.sources().oracle().losesPower(URI, schedule.simulation().tick());
    }
    schedule.sources().judge("after the end of the NBD server");
  }

  void start() {
    if (!up) {
      up = true;
      schedule.log().note("the NBD server is back");
      List.copyOf(clients).forEach(NbdClientDevice::connect);
    }
  }

  /** Opens it, as a daemon does: at once or not at all. */
  CompletableFuture<Source> open(Life life) {
    CompletableFuture<Source> opened = new CompletableFuture<>();
    life.after(
        life.simulation().about(schedule.settings().linkNanos()),
        () -> {
          if (life.dead() || !up) {
            opened.completeExceptionally(
                new DeviceException(Reason.UNAVAILABLE, URI + ": connection refused"));
            return;
          }
          NbdClientDevice client = new NbdClientDevice(this, life, schedule);
          clients.add(client);
          life.atDeath(() -> closed(client));
          opened.complete(new DeviceSource(schedule.engine().server(client)));
        });
    return opened;
  }

  void closed(NbdClientDevice client) {
    clients.remove(client);
  }

  /** The connections that a life has. */
  long connections(Life life) {
    return clients.stream().filter(c -> c.life() == life).count();
  }

  /** What its disk has of all cells. */
  int[] stamps() {
    return new Image(schedule.cells(), schedule.settings().blockSize(), platter, null).stamps();
  }
}
