package dev.wherry.path.link;

import io.netty.buffer.ByteBuf;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;

/**
 * The bodies of the frames that open a connection. {@code OPEN}, {@code CHALLENGE} and {@code
 * REFUSE} stay as they are in all versions, so that two versions can tell each other why not. Texts
 * are two bytes of length and UTF-8.
 */
final class Greeting {
  /** {@code "WHRYLINK"}. */
  static final long MAGIC = 0x574852594c494e4bL;

  /** The versions that this program speaks: from the first to the second. */
  static final int MIN_VERSION = 3;

  static final int MAX_VERSION = 3;

  /** The most numbers in one frame. */
  static final int MAX_NUMBERS = 7_000;

  private Greeting() {}

  /** {@code OPEN}: magic:8, oldest version:2, newest version:2. Later versions may append. */
  record Open(int min, int max) {
    void write(ByteBuf out) {
      out.writeLong(MAGIC).writeShort(min).writeShort(max);
    }

    static Open read(ByteBuf in) {
      Head.need(in, 12);
      if (in.readLong() != MAGIC) {
        throw new MalformedException("what comes is not the link of Wherry");
      }
      return new Open(in.readUnsignedShort(), in.readUnsignedShort());
    }

    /** The newest version that both sides speak, or 0. */
    int common() {
      int version = Math.min(max, MAX_VERSION);
      return version >= Math.max(min, MIN_VERSION) ? version : 0;
    }
  }

  /** {@code CHALLENGE}: magic:8, the version to speak:2, nonce:8. */
  record Challenge(int version, long nonce) {
    void write(ByteBuf out) {
      out.writeLong(MAGIC).writeShort(version).writeLong(nonce);
    }

    static Challenge read(ByteBuf in) {
      Head.need(in, 18);
      if (in.readLong() != MAGIC) {
        throw new MalformedException("what comes is not the link of Wherry");
      }
      return new Challenge(in.readUnsignedShort(), in.readLong());
    }
  }

  /**
   * {@code HELLO}: nonce:8, uuid:16, session:8, attempt:8, name, expected, count:4, numbers:8 each.
   *
   * @param nonce of the challenge
   * @param from the dialer
   * @param expected the name by which the dialer knows the listener
   * @param session a random number, the same as long as the dialer lives
   * @param attempt counts the dialer's connections in this session, from 1; {@link #LOOKING} where
   *     it only looks who is there
   * @param pending the requests whose answers the dialer waits for
   */
  record Hello(
      long nonce,
      LinkIdentity from,
      String expected,
      long session,
      long attempt,
      List<Long> pending) {
    static final long LOOKING = 0;

    void write(ByteBuf out) {
      out.writeLong(nonce);
      writeUuid(out, from.uuid());
      out.writeLong(session).writeLong(attempt);
      Head.writeText(out, from.name());
      Head.writeText(out, expected);
      writeNumbers(out, pending);
    }

    static Hello read(ByteBuf in) {
      Head.need(in, 40);
      long nonce = in.readLong();
      UUID uuid = readUuid(in);
      long session = in.readLong();
      long attempt = in.readLong();
      String name = Head.readText(in);
      Hello h =
          new Hello(
              nonce,
              new LinkIdentity(name, uuid),
              Head.readText(in),
              session,
              attempt,
              readNumbers(in));
      Head.end(in);
      return h;
    }
  }

  /**
   * {@code WELCOME}: uuid:16, life:8, resumed:1, per class requests:4 and bytes:8, name, count:4,
   * numbers:8 each.
   *
   * @param from the listener
   * @param life a random number, the same as long as the listener lives
   * @param resumed whether it still had the session
   * @param windows what it takes at a time, by class
   * @param known those of the dialer's pending requests that it has in whole
   */
  record Welcome(
      LinkIdentity from, long life, boolean resumed, List<Window> windows, List<Long> known) {
    void write(ByteBuf out) {
      writeUuid(out, from.uuid());
      out.writeLong(life).writeBoolean(resumed);
      for (Window w : windows) {
        out.writeInt(w.requests()).writeLong(w.bytes());
      }
      Head.writeText(out, from.name());
      writeNumbers(out, known);
    }

    static Welcome read(ByteBuf in) {
      Head.need(in, 25 + 12 * Window.CLASSES);
      UUID uuid = readUuid(in);
      long life = in.readLong();
      boolean resumed = in.readBoolean();
      List<Window> windows = new ArrayList<>();
      int sum = 0;
      for (int i = 0; i < Window.CLASSES; i++) {
        int requests = in.readInt();
        long bytes = in.readLong();
        sum += requests;
        if (requests < 1 || bytes < 1 || requests > MAX_NUMBERS || sum > MAX_NUMBERS) {
          throw new MalformedException(
              "credits for " + requests + " requests of " + bytes + " bytes");
        }
        windows.add(new Window(requests, bytes));
      }
      String name = Head.readText(in);
      Welcome w =
          new Welcome(new LinkIdentity(name, uuid), life, resumed, windows, readNumbers(in));
      Head.end(in);
      return w;
    }
  }

  /** {@code count:4, numbers:8 each}; the body of {@code ACK}, too. */
  static void writeNumbers(ByteBuf out, List<Long> numbers) {
    out.writeInt(numbers.size());
    for (long n : numbers) {
      out.writeLong(n);
    }
  }

  static List<Long> readNumbers(ByteBuf in) {
    Head.need(in, 4);
    int count = in.readInt();
    if (count < 0 || count > MAX_NUMBERS) {
      throw new MalformedException(
          Integer.toUnsignedLong(count) + " numbers in a frame, at most " + MAX_NUMBERS);
    }
    Head.need(in, 8 * count);
    List<Long> numbers = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      numbers.add(in.readLong());
    }
    return numbers;
  }

  private static void writeUuid(ByteBuf out, UUID uuid) {
    out.writeLong(uuid.getMostSignificantBits()).writeLong(uuid.getLeastSignificantBits());
  }

  private static UUID readUuid(ByteBuf in) {
    return new UUID(in.readLong(), in.readLong());
  }
}
