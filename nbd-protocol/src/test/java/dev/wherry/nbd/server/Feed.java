package dev.wherry.nbd.server;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** How a stream of bytes is cut on its way to the server. */
enum Feed {
  WHOLE,
  BYTE_BY_BYTE,
  RANDOMLY;

  List<byte[]> cut(byte[] bytes, Random random) {
    List<byte[]> pieces = new ArrayList<>();
    int at = 0;
    while (at < bytes.length) {
      int left = bytes.length - at;
      int n =
          switch (this) {
            case WHOLE -> left;
            // What is long is payload, and one byte of that like the next.
            case BYTE_BY_BYTE -> at < 4096 || left < 4096 ? 1 : Math.min(997, left - 4095);
            case RANDOMLY -> 1 + random.nextInt(random.nextBoolean() ? Math.min(left, 40) : left);
          };
      byte[] piece = new byte[n];
      System.arraycopy(bytes, at, piece, 0, n);
      pieces.add(piece);
      at += n;
    }
    return pieces;
  }
}
