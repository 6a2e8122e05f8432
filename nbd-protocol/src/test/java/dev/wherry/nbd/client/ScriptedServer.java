package dev.wherry.nbd.client;

import java.io.Closeable;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.concurrent.atomic.AtomicInteger;

/** A TCP server that does what a test says, well or ill, connection by connection. */
final class ScriptedServer implements Closeable {
  /** What is done with one connection. */
  interface Script {
    void run(DataInputStream in, DataOutputStream out, int connection) throws IOException;
  }

  private final ServerSocket listener;
  private final AtomicInteger connections = new AtomicInteger();

  ScriptedServer(Script script) throws IOException {
    listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    Thread thread =
        new Thread(
            () -> {
              while (!listener.isClosed()) {
                serve(script);
              }
            },
            "scripted-server");
    thread.setDaemon(true);
    thread.start();
  }

  private void serve(Script script) {
    try (Socket socket = listener.accept()) {
      socket.setTcpNoDelay(true);
      socket.setSoTimeout(60_000);
      script.run(
          new DataInputStream(socket.getInputStream()),
          new DataOutputStream(socket.getOutputStream()),
          connections.getAndIncrement());
    } catch (IOException e) {
      // The client went, as it may; or the test has ended.
      Thread.onSpinWait();
    }
  }

  int port() {
    return listener.getLocalPort();
  }

  int connections() {
    return connections.get();
  }

  @Override
  public void close() throws IOException {
    listener.close();
  }
}
