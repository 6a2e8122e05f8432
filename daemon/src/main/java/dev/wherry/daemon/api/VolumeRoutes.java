package dev.wherry.daemon.api;

import dev.wherry.daemon.share.PartsOfNode;
import dev.wherry.daemon.share.VolumeSettings;
import dev.wherry.daemon.volume.CreateVolume;
import dev.wherry.daemon.volume.Refusal;
import dev.wherry.daemon.volume.VolumeChanges;
import dev.wherry.daemon.volume.VolumeEntry;
import dev.wherry.daemon.volume.VolumeMap;
import dev.wherry.daemon.volume.VolumeRegistry;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** {@code /volumes}. */
final class VolumeRoutes {
  private static final Set<String> CREATE_FIELDS =
      Set.of(
          "suid",
          "size",
          "backing",
          "source",
          "read",
          "write",
          "handler",
          "settings",
          "blockSize",
          "readOnly");
  private static final int MOST_EXTENTS = 100_000;

  private final VolumeRegistry registry;
  private final VolumeChanges changes;
  private final PartsOfNode parts;
  private final VolumeSettings settings;
  private final Answers answers;
  private final Answers reads;
  private final String node;
  private final NbdUris.Maker uris;

  /**
   * @param answers for what may take long
   * @param reads for what never waits for anything
   */
  VolumeRoutes(
      VolumeRegistry registry,
      PartsOfNode parts,
      Answers answers,
      Answers reads,
      String node,
      NbdUris.Maker uris) {
    this.registry = registry;
    this.parts = parts;
    this.changes = new VolumeChanges(registry);
    this.settings = new VolumeSettings(changes, parts.policies());
    this.answers = answers;
    this.reads = reads;
    this.node = node;
    this.uris = uris;
  }

  void mount(Router router) {
    String all = ApiServer.ROOT + "/volumes";
    String one = all + "/:suid";
    router.get(all).handler(c -> reads.run(c, 200, r -> list()));
    router.post(all).handler(c -> answers.run(c, 201, this::create));
    router.get(one).handler(c -> reads.run(c, 200, r -> view(volume(r))));
    router.delete(one).handler(c -> answers.run(c, 204, this::delete));
    router.patch(one).handler(c -> answers.run(c, 200, this::set));
    router.post(one + "/set").handler(c -> answers.run(c, 200, this::set));
    router.post(one + "/resize").handler(c -> answers.run(c, 200, this::resize));
    router.post(one + "/reopen").handler(c -> answers.run(c, 200, this::reopen));
    router.get(one + "/map").handler(c -> answers.run(c, 200, this::map));
    new ShareRoutes(parts.sharing(), parts.handOvers(), answers, this::view).mount(router, one);
    router
        .get(one + "/connections")
        .handler(
            c ->
                reads.run(
                    c,
                    200,
                    r -> volume(r).connections().stream().map(ConnectionView::of).toList()));
  }

  private List<VolumeView> list() {
    return registry.list().stream().map(this::view).toList();
  }

  private VolumeView view(VolumeEntry entry) {
    return VolumeView.of(entry, node, uris);
  }

  private VolumeEntry volume(RoutingContext r) {
    return registry.get(r.pathParam("suid"));
  }

  private VolumeView create(RoutingContext r) {
    Body body = new Body(Body.bytes(r), CREATE_FIELDS);
    String suid = body.text("suid");
    Long blockSize = body.number("blockSize");
    if (blockSize != null && blockSize != blockSize.intValue()) {
      throw new Refusal(Refusal.Kind.IMPOSSIBLE, "block size " + blockSize + " is too large");
    }
    int blocks = blockSize == null ? CreateVolume.DEFAULT_BLOCK_SIZE : blockSize.intValue();
    if (body.text("source", null) != null) {
      return view(emulated(body, suid, blocks));
    }
    if (body.text("read", null) != null || body.text("write", null) != null) {
      throw new Refusal(
          Refusal.Kind.IMPOSSIBLE, "read and write are policies of a volume with a source");
    }
    String handler = body.text("handler", CreateVolume.DEFAULT_HANDLER);
    return view(
        registry.create(
            new CreateVolume(
                suid,
                body.number("size"),
                body.texts("backing"),
                handler == null ? CreateVolume.DEFAULT_HANDLER : handler,
                body.map("settings"),
                blocks,
                body.flag("readOnly"))));
  }

  private VolumeEntry emulated(Body body, String suid, int blockSize) {
    String handler = body.text("handler", CreateVolume.DEFAULT_HANDLER);
    if (!body.texts("backing").isEmpty()
        || !body.map("settings").isEmpty()
        || !CreateVolume.DEFAULT_HANDLER.equals(handler)) {
      throw new Refusal(
          Refusal.Kind.IMPOSSIBLE,
          "a volume with a source has a store of its own: backing, handler and settings are not"
              + " possible beside it");
    }
    return parts
        .emulation()
        .create(
            suid,
            body.text("source"),
            body.number("size"),
            body.text("read", null),
            body.text("write", null),
            blockSize,
            body.flag("readOnly"));
  }

  private Map<String, String> delete(RoutingContext r) {
    parts.removal().delete(r.pathParam("suid"), flag(r, "force"));
    return Map.of();
  }

  private VolumeView resize(RoutingContext r) {
    Body body = new Body(Body.bytes(r), Set.of("size", "force"));
    Long size = body.number("size");
    if (size == null) {
      throw new Refusal(Refusal.Kind.MALFORMED, "field 'size' is missing");
    }
    return view(changes.resize(r.pathParam("suid"), size, body.flag("force"), parts::settle));
  }

  private VolumeView set(RoutingContext r) {
    VolumeEntry entry = volume(r);
    settings.set(entry, Body.textsByName(Body.bytes(r)));
    return view(entry);
  }

  private VolumeView reopen(RoutingContext r) {
    new Body(Body.bytes(r), Set.of());
    return view(changes.reopen(r.pathParam("suid")));
  }

  private List<VolumeMap.Run> map(RoutingContext r) {
    long offset = number(r, "offset", 0);
    long limit = number(r, "limit", MOST_EXTENTS);
    if (limit < 1 || limit > MOST_EXTENTS) {
      throw new Refusal(
          Refusal.Kind.MALFORMED, "limit " + limit + " is not between 1 and " + MOST_EXTENTS);
    }
    return VolumeMap.read(volume(r), offset, (int) limit);
  }

  private static boolean flag(RoutingContext r, String name) {
    List<String> given = r.queryParam(name);
    String value = given.isEmpty() ? "false" : given.get(0);
    return switch (value) {
      case "true", "" -> true;
      case "false" -> false;
      default ->
          throw new Refusal(Refusal.Kind.MALFORMED, name + "='" + value + "' is not true or false");
    };
  }

  private static long number(RoutingContext r, String name, long fallback) {
    List<String> given = r.queryParam(name);
    if (given.isEmpty()) {
      return fallback;
    }
    if (!given.get(0).matches("[0-9]{1,18}")) {
      throw new Refusal(
          Refusal.Kind.MALFORMED, name + "='" + given.get(0) + "' is not a whole number");
    }
    return Long.parseLong(given.get(0));
  }
}
