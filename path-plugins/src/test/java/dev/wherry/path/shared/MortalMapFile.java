package dev.wherry.path.shared;

import dev.wherry.path.map.MapFile;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;

/** A map's file, as one life of a process has it open. */
final class MortalMapFile implements MapFile {
  private final ForgetfulBytes file;
  private ByteArrayOutputStream next = new ByteArrayOutputStream();
  private boolean dead;

  MortalMapFile(ForgetfulBytes file) {
    this.file = file;
  }

  void die() {
    dead = true;
  }

  private void alive() throws IOException {
    if (dead) {
      throw new IOException("the process is dead");
    }
  }

  private static byte[] bytes(ByteBuffer of) {
    byte[] all = new byte[of.remaining()];
    of.get(all);
    return all;
  }

  @Override
  public long length() {
    return file.bytes.length;
  }

  @Override
  public void read(long at, ByteBuffer into) {
    into.put(file.bytes, (int) at, into.remaining());
  }

  @Override
  public void append(ByteBuffer more) throws IOException {
    alive();
    file.write(file.bytes.length, bytes(more));
  }

  @Override
  public void truncate(long length) throws IOException {
    alive();
    file.truncate(length);
  }

  @Override
  public void force() throws IOException {
    alive();
    file.force();
  }

  @Override
  public void prepare(ByteBuffer more) throws IOException {
    alive();
    next.writeBytes(bytes(more));
  }

  @Override
  public void discard() {
    next = new ByteArrayOutputStream();
  }

  @Override
  public void swap() throws IOException {
    alive();
    file.replace(next.toByteArray());
    discard();
  }

  @Override
  public void close() {}
}
