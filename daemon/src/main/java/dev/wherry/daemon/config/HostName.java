package dev.wherry.daemon.config;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The host's name as the kernel knows it: no look-up in the network. */
final class HostName {
  private HostName() {}

  static String read() {
    try {
      return Files.readString(Path.of("/proc/sys/kernel/hostname")).trim();
    } catch (IOException e) {
      return "localhost";
    }
  }
}
