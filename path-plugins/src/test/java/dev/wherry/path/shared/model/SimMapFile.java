package dev.wherry.path.shared.model;

import dev.wherry.path.map.MapFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Random;

/**
 * The file of a block map: what was appended is in the page cache, what was forced is durable. Of
 * the rest a power loss leaves each sector, zeroes in its place, or the file ends before it.
 */
final class SimMapFile {
  private static final int SECTOR = 512;

  private byte[] content = new byte[0];
  private int forced;

  /** The file as one life of a daemon has it open. */
  MapFile open(Life life, Faults faults, NodeDisk disk) {
    return new Handle(life, faults, disk);
  }

  void losePower(Random random) {
    int length = forced + random.nextInt(content.length - forced + 1);
    byte[] left = Arrays.copyOf(content, length);
    boolean torn = random.nextBoolean();
    for (int at = forced; at < length; at = (at / SECTOR + 1) * SECTOR) {
      if (torn && random.nextBoolean()) {
        Arrays.fill(left, at, Math.min(length, (at / SECTOR + 1) * SECTOR), (byte) 0);
      }
    }
    content = left;
    forced = length;
  }

  private final class Handle implements MapFile {
    private final Life life;
    private final Faults faults;
    private final NodeDisk disk;
    private byte[] prepared = new byte[0];

    Handle(Life life, Faults faults, NodeDisk disk) {
      this.life = life;
      this.faults = faults;
      this.disk = disk;
    }

    private void expectRoom() throws IOException {
      if (disk.mapsFull) {
        throw new IOException("No space left on device");
      }
    }

    private void expectAlive() throws IOException {
      if (life.dead()) {
        throw new IOException("dead");
      }
    }

    @Override
    public long length() throws IOException {
      expectAlive();
      return content.length;
    }

    @Override
    public void read(long at, ByteBuffer into) throws IOException {
      expectAlive();
      into.put(content, (int) at, into.remaining());
    }

    @Override
    public void append(ByteBuffer bytes) throws IOException {
      faults.at("map append", life);
      expectAlive();
      expectRoom();
      int old = content.length;
      content = Arrays.copyOf(content, old + bytes.remaining());
      bytes.get(content, old, bytes.remaining());
      faults.at("map appended", life);
      expectAlive();
    }

    @Override
    public void truncate(long length) throws IOException {
      expectAlive();
      content = Arrays.copyOf(content, (int) length);
      forced = Math.min(forced, content.length);
    }

    @Override
    public void force() throws IOException {
      faults.at("map force", life);
      expectAlive();
      forced = content.length;
      faults.at("map forced", life);
      expectAlive();
    }

    @Override
    public void prepare(ByteBuffer bytes) throws IOException {
      expectAlive();
      expectRoom();
      int old = prepared.length;
      prepared = Arrays.copyOf(prepared, old + bytes.remaining());
      bytes.get(prepared, old, bytes.remaining());
    }

    @Override
    public void discard() throws IOException {
      expectAlive();
      prepared = new byte[0];
    }

    @Override
    public void swap() throws IOException {
      faults.at("map swap", life);
      expectAlive();
      expectRoom();
      content = prepared;
      forced = content.length;
      prepared = new byte[0];
      faults.at("map swapped", life);
      expectAlive();
    }

    @Override
    public void close() {}
  }
}
