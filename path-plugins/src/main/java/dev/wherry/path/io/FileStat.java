package dev.wherry.path.io;

/**
 * What statx(2) says of a file.
 *
 * @param mode type and permissions
 * @param size in bytes; 0 for devices
 * @param allocated bytes that are allocated
 * @param deviceMajor of a device node, what it stands for; else of the file system's device
 * @param deviceMinor likewise
 */
public record FileStat(int mode, long size, long allocated, int deviceMajor, int deviceMinor) {
  private static final int TYPE = 0170000;

  /** The kinds of file. */
  public enum Kind {
    REGULAR("a regular file"),
    BLOCK_DEVICE("a block device"),
    DIRECTORY("a directory"),
    CHARACTER_DEVICE("a character device"),
    FIFO("a named pipe"),
    SOCKET("a socket"),
    OTHER("of an unknown kind");

    private final String words;

    Kind(String words) {
      this.words = words;
    }

    /** With its article, for messages. */
    public String words() {
      return words;
    }
  }

  public Kind kind() {
    return switch (mode & TYPE) {
      case 0100000 -> Kind.REGULAR;
      case 0060000 -> Kind.BLOCK_DEVICE;
      case 0040000 -> Kind.DIRECTORY;
      case 0020000 -> Kind.CHARACTER_DEVICE;
      case 0010000 -> Kind.FIFO;
      case 0140000 -> Kind.SOCKET;
      default -> Kind.OTHER;
    };
  }
}
