package dev.wherry.daemon.api;

import dev.wherry.daemon.share.HandOvers;
import dev.wherry.daemon.share.Sharing;
import dev.wherry.daemon.share.WantedPart;
import dev.wherry.daemon.volume.Refusal;
import dev.wherry.daemon.volume.VolumeEntry;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import java.util.Set;
import java.util.function.Function;

/** What is done with volumes that several nodes have: {@code POST /volumes/{suid}/share} and on. */
final class ShareRoutes {
  private static final Set<String> SHARE_FIELDS =
      Set.of("to", "read", "write", "ranges", "handover", "store");

  private final Sharing sharing;
  private final HandOvers handOvers;
  private final Answers answers;
  private final Function<VolumeEntry, VolumeView> view;

  ShareRoutes(
      Sharing sharing,
      HandOvers handOvers,
      Answers answers,
      Function<VolumeEntry, VolumeView> view) {
    this.sharing = sharing;
    this.handOvers = handOvers;
    this.answers = answers;
    this.view = view;
  }

  void mount(Router router, String one) {
    router.post(one + "/share").handler(c -> answers.run(c, 200, this::share));
    router.post(one + "/unshare").handler(c -> answers.run(c, 200, this::unshare));
    router.post(one + "/activate").handler(c -> answers.run(c, 200, this::activate));
    router.post(one + "/return").handler(c -> answers.run(c, 200, this::giveBack));
    router.post(one + "/release").handler(c -> answers.run(c, 200, this::release));
  }

  private VolumeView share(RoutingContext r) {
    Body body = new Body(Body.bytes(r), SHARE_FIELDS);
    return view.apply(
        sharing.share(
            suid(r),
            new WantedPart(
                body.text("to"),
                body.text("read", null),
                body.text("write", null),
                body.texts("ranges"),
                body.text("handover", null),
                body.text("store", null))));
  }

  private VolumeView unshare(RoutingContext r) {
    Body body = new Body(Body.bytes(r), Set.of("from"));
    return view.apply(sharing.unshare(suid(r), body.text("from")));
  }

  private VolumeView activate(RoutingContext r) {
    Body body = new Body(Body.bytes(r), Set.of("force", "inconsistent"));
    boolean force = body.flag("force");
    boolean inconsistent = body.flag("inconsistent");
    if (inconsistent && !force) {
      throw Refusal.impossible("inconsistent says something of force, which is missing");
    }
    return view.apply(handOvers.activate(suid(r), force, inconsistent));
  }

  private VolumeView giveBack(RoutingContext r) {
    Body body = new Body(Body.bytes(r), Set.of("to"));
    return view.apply(handOvers.giveBack(suid(r), body.text("to")));
  }

  private VolumeView release(RoutingContext r) {
    new Body(Body.bytes(r), Set.of());
    return view.apply(handOvers.release(suid(r)));
  }

  private static String suid(RoutingContext r) {
    return r.pathParam("suid");
  }
}
