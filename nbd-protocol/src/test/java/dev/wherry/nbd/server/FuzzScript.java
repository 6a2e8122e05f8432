package dev.wherry.nbd.server;

import static dev.wherry.nbd.Wire.*;

import dev.wherry.nbd.Extent;
import java.util.Arrays;
import java.util.Random;

/** Makes a client's stream: messages that are right for the most part, then spoilt now and then. */
final class FuzzScript {
  static final int SIZE = 96 << 10;

  private final Random random;
  private final Script script = new Script();
  private long cookie;

  FuzzScript(Random random) {
    this.random = random;
  }

  byte[] make() {
    script.clientFlags(chance(60) ? random.nextInt() : 1 + 2 * random.nextInt(2));
    int options = random.nextInt(5);
    for (int i = 0; i < options; i++) {
      option();
    }
    if (chance(8)) {
      script.option(OPT_EXPORT_NAME, Script.utf8(name()));
    } else {
      script.go(chance(20) ? name() : "disk");
    }
    int requests = random.nextInt(24);
    for (int i = 0; i < requests; i++) {
      request();
    }
    if (chance(4)) {
      script.disc();
      request();
    }
    return spoil(script.bytes());
  }

  private boolean chance(int oneIn) {
    return random.nextInt(oneIn) == 0;
  }

  private String name() {
    return switch (random.nextInt(4)) {
      case 0 -> "";
      case 1 -> "nothing";
      case 2 -> "d\u00efsk".repeat(random.nextInt(2000));
      default -> "disk";
    };
  }

  private String context() {
    return switch (random.nextInt(5)) {
      case 0 -> "base:";
      case 1 -> StatusExport.ODD;
      case 2 -> "x-" + "y".repeat(random.nextInt(100));
      default -> Extent.BASE_ALLOCATION;
    };
  }

  private byte[] noise(int atMost) {
    byte[] b = new byte[random.nextInt(atMost)];
    random.nextBytes(b);
    return b;
  }

  private void option() {
    String[] queries = new String[random.nextInt(4)];
    Arrays.setAll(queries, i -> context());
    String export = chance(8) ? name() : "disk";
    switch (random.nextInt(14)) {
      case 0, 1, 2 -> script.structured();
      case 3, 4 -> script.extended();
      case 5, 6, 7 -> script.setContexts(export, queries);
      case 8 -> script.listContexts(export, queries);
      case 9 -> script.info(export, random.nextInt(5), random.nextInt(5));
      case 10 -> script.option(OPT_LIST);
      case 11 -> script.option(OPT_STARTTLS, noise(2));
      case 12 -> script.option(random.nextInt(14), noise(chance(20) ? 90_000 : 80));
      default -> script.option(chance(6) ? OPT_ABORT : random.nextInt());
    }
  }

  private void request() {
    cookie++;
    int type = chance(30) ? random.nextInt(1 << 16) : random.nextInt(8);
    if (type == CMD_DISC && !chance(10)) {
      type = CMD_READ;
    }
    int flags = chance(6) ? 1 << random.nextInt(16) : 0;
    long length = length();
    long offset = chance(12) ? random.nextLong() : random.nextInt(SIZE + 100);
    if (!chance(8)) {
      length = Math.min(length, Math.max(1, SIZE - offset));
    }
    if (type == CMD_FLUSH && !chance(8)) {
      offset = 0;
      length = 0;
    }
    if (type == CMD_WRITE) {
      length = Math.min(length, 1 << 20);
      byte[] data = new byte[(int) Math.max(0, length)];
      if (!chance(3)) {
        random.nextBytes(data);
      }
      int extra = script.isExtended() && !chance(20) ? CMD_FLAG_PAYLOAD_LEN : 0;
      script.request(type, flags | extra, cookie, offset, data.length).raw(data);
    } else if (script.isExtended() && (flags & CMD_FLAG_PAYLOAD_LEN) != 0) {
      byte[] payload = type == CMD_BLOCK_STATUS ? status() : noise(300);
      script.request(type, flags, cookie, offset, payload.length).raw(payload);
    } else {
      script.request(type, flags, cookie, offset, length);
    }
  }

  private long length() {
    return switch (random.nextInt(12)) {
      case 0 -> 0;
      case 1 -> random.nextLong();
      case 2 -> SIZE;
      case 3, 4 -> 1 + random.nextInt(SIZE);
      case 5, 6 -> 4096;
      default -> 1 + random.nextInt(2000);
    };
  }

  private byte[] status() {
    java.nio.ByteBuffer b = java.nio.ByteBuffer.allocate(8 + 4 * random.nextInt(4));
    b.putLong(chance(4) ? random.nextLong() : 1 + random.nextInt(4000));
    while (b.hasRemaining()) {
      b.putInt(chance(4) ? random.nextInt() : 1 + random.nextInt(2));
    }
    return b.array();
  }

  private byte[] spoil(byte[] stream) {
    byte[] s = stream;
    if (chance(3)) {
      for (int i = 1 + random.nextInt(3); i > 0 && s.length > 0; i--) {
        s = spoilOnce(s);
      }
    }
    return s;
  }

  private byte[] spoilOnce(byte[] s) {
    int at = random.nextInt(s.length);
    switch (random.nextInt(6)) {
      case 0 -> s[at] ^= (byte) (1 << random.nextInt(8));
      case 1 -> s[at] = (byte) random.nextInt();
      case 2 -> {
        return Arrays.copyOf(s, at);
      }
      case 3 -> {
        byte[] more = noise(200);
        return join(Arrays.copyOf(s, at), more, Arrays.copyOfRange(s, at, s.length));
      }
      case 4 -> {
        int end = Math.min(s.length, at + 1 + random.nextInt(40));
        return join(Arrays.copyOf(s, at), new byte[0], Arrays.copyOfRange(s, end, s.length));
      }
      default -> {
        int end = Math.min(s.length, at + 1 + random.nextInt(80));
        return join(
            Arrays.copyOf(s, end),
            Arrays.copyOfRange(s, at, end),
            Arrays.copyOfRange(s, end, s.length));
      }
    }
    return s;
  }

  private static byte[] join(byte[] a, byte[] b, byte[] c) {
    byte[] all = Arrays.copyOf(a, a.length + b.length + c.length);
    System.arraycopy(b, 0, all, a.length, b.length);
    System.arraycopy(c, 0, all, a.length + b.length, c.length);
    return all;
  }
}
