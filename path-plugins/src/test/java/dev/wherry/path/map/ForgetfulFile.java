package dev.wherry.path.map;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Random;

/** A map's file in memory that loses what was not forced when the power goes. */
final class ForgetfulFile implements MapFile {
  byte[] bytes = new byte[0];
  int forced;
  int forces;

  /** Fails the next calls so. */
  IOException failure;

  /** Nothing that takes room works. */
  boolean full;

  /** That there is no room is found out only when a new file is made durable, or renamed. */
  boolean fullAtSwap;

  /** How often a new file was begun. */
  int begun;

  /** Called while a new file is made. */
  Runnable meanwhile = () -> {};

  private byte[] next = new byte[0];

  private static byte[] plus(byte[] old, ByteBuffer more) {
    byte[] all = Arrays.copyOf(old, old.length + more.remaining());
    more.get(all, old.length, more.remaining());
    return all;
  }

  private void attempt() throws IOException {
    if (failure != null) {
      throw failure;
    }
  }

  private void expectRoom() throws IOException {
    if (full) {
      throw new IOException("No space left on device");
    }
  }

  @Override
  public long length() {
    return bytes.length;
  }

  @Override
  public void read(long at, ByteBuffer into) {
    into.put(bytes, (int) at, into.remaining());
  }

  @Override
  public void append(ByteBuffer more) throws IOException {
    attempt();
    expectRoom();
    bytes = plus(bytes, more);
  }

  @Override
  public void truncate(long length) {
    bytes = Arrays.copyOf(bytes, (int) length);
    forced = Math.min(forced, bytes.length);
  }

  @Override
  public void force() throws IOException {
    attempt();
    forces++;
    forced = bytes.length;
  }

  @Override
  public void prepare(ByteBuffer more) throws IOException {
    attempt();
    begun += next.length == 0 ? 1 : 0;
    expectRoom();
    next = plus(next, more);
    meanwhile.run();
  }

  @Override
  public void discard() {
    next = new byte[0];
  }

  @Override
  public void swap() throws IOException {
    attempt();
    if (fullAtSwap) {
      throw new IOException("map.next -> map: No space left on device");
    }
    bytes = next;
    forced = bytes.length;
    discard();
  }

  @Override
  public void close() {}

  void kill() {
    discard();
  }

  /** Nothing is left of what was not forced. */
  void losePowerOverAllThatWasNotForced() {
    discard();
    bytes = Arrays.copyOf(bytes, forced);
  }

  /** Of what was not forced, each 512 bytes are there or not; or only a part of it; or nothing. */
  void losePower(Random random) {
    discard();
    int unforced = bytes.length - forced;
    switch (random.nextInt(4)) {
      case 0 -> bytes = Arrays.copyOf(bytes, forced);
      case 1 -> bytes = Arrays.copyOf(bytes, forced + random.nextInt(unforced + 1));
      default -> {
        int sector = random.nextBoolean() ? 512 : 64;
        for (int at = forced; at < bytes.length; at = (at / sector + 1) * sector) {
          if (random.nextInt(4) == 0) {
            Arrays.fill(bytes, at, Math.min(bytes.length, (at / sector + 1) * sector), (byte) 0);
          }
        }
      }
    }
    forced = bytes.length;
  }
}
