package dev.wherry.daemon.api;

import dev.wherry.daemon.node.NodeRegistry;
import dev.wherry.daemon.node.NodeView;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import java.util.Map;
import java.util.Set;
import java.util.function.BooleanSupplier;

/** {@code /nodes}. */
final class NodeRoutes {
  private final NodeRegistry nodes;
  private final BooleanSupplier ready;
  private final Answers answers;
  private final Answers reads;

  /**
   * @param ready true while the daemon serves
   * @param answers for what may take long
   * @param reads for what never waits for anything
   */
  NodeRoutes(NodeRegistry nodes, BooleanSupplier ready, Answers answers, Answers reads) {
    this.nodes = nodes;
    this.ready = ready;
    this.answers = answers;
    this.reads = reads;
  }

  void mount(Router router) {
    String all = ApiServer.ROOT + "/nodes";
    router.get(all).handler(c -> reads.run(c, 200, r -> nodes.list(ready.getAsBoolean())));
    router.post(all).handler(c -> answers.run(c, 201, this::add));
    router.delete(all + "/:name").handler(c -> answers.run(c, 204, this::remove));
  }

  private NodeView add(RoutingContext r) {
    Body body = new Body(Body.bytes(r), Set.of("name", "link"));
    return nodes.add(body.text("name"), body.text("link"));
  }

  private Map<String, String> remove(RoutingContext r) {
    nodes.remove(r.pathParam("name"));
    return Map.of();
  }
}
