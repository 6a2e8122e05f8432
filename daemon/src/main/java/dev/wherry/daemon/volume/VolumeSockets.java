package dev.wherry.daemon.volume;

/** The unix socket of each volume. A socket that cannot be had is logged and no obstacle. */
public interface VolumeSockets {
  /** No sockets. */
  VolumeSockets NONE =
      new VolumeSockets() {
        @Override
        public void open(String suid) {}

        @Override
        public void close(String suid) {}
      };

  void open(String suid);

  void close(String suid);
}
