package dev.wherry.path.shared;

import java.util.Arrays;
import java.util.Random;

/** The bytes of a file that loses what was not forced when the power goes. */
final class ForgetfulBytes {
  byte[] bytes = new byte[0];
  private byte[] forced = new byte[0];

  void write(long offset, byte[] data) {
    int end = (int) offset + data.length;
    bytes = Arrays.copyOf(bytes, Math.max(bytes.length, end));
    System.arraycopy(data, 0, bytes, (int) offset, data.length);
  }

  void replace(byte[] all) {
    bytes = all;
    forced = all.clone();
  }

  void force() {
    forced = bytes.clone();
  }

  void truncate(long length) {
    bytes = Arrays.copyOf(bytes, (int) Math.min(bytes.length, length));
  }

  /** Each 64 bytes are as they were forced, or as they are; so is the length. */
  void losePower(Random random) {
    int chance = random.nextInt(4);
    byte[] left = Arrays.copyOf(forced, random.nextBoolean() ? bytes.length : forced.length);
    for (int at = 0; at < Math.min(left.length, bytes.length); at += 64) {
      if (random.nextInt(4) < chance) {
        int end = Math.min(Math.min(left.length, bytes.length), at + 64);
        System.arraycopy(bytes, at, left, at, end - at);
      }
    }
    bytes = left;
    forced = left.clone();
  }
}
