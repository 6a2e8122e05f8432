package dev.wherry.path.shared.model;

import dev.wherry.path.shared.WritePolicy;
import java.util.Random;

/**
 * What else may go wrong in a schedule. It is drawn beside {@link Settings}, so that a schedule
 * without any of it is as its seed alone says.
 *
 * @param server whether the volume is an emulated one: what was written before the schedule begins
 *     is on a plain NBD server
 * @param write what is in force where there is that server
 * @param outages of that server: it dies, or its machine does, and comes back
 * @param full how often a node's file system has no room for a while
 * @param plain whether a node's daemon takes the engine away where nobody needs it, and puts it
 *     back when it is needed
 */
record Hazards(boolean server, WritePolicy write, int outages, int full, boolean plain) {
  private static final WritePolicy[] WRITES = WritePolicy.values();

  static Hazards of(long seed) {
    Random random = new Random(seed * 0xC2B2AE3D27D4EB4FL + 7);
    boolean server = random.nextInt(4) == 0;
    int outages = 1 + random.nextInt(3);
    int full = random.nextInt(6) == 0 ? 1 + random.nextInt(3) : 0;
    boolean plain = random.nextInt(4) == 0;
    WritePolicy write = WRITES[random.nextInt(WRITES.length)];
    return new Hazards(server, write, server ? outages : 0, full, plain);
  }
}
