package dev.wherry.nbd.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import dev.wherry.nbd.NbdUri;
import dev.wherry.nbd.Wire;
import io.netty.buffer.ByteBuf;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Servers over real sockets that mean no good. */
final class HostileServerTest {
  private final EventLoopGroup group =
      new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
  private final NbdClientOptions options =
      NbdClientOptions.DEFAULTS.withIoTimeout(Duration.ofSeconds(60));

  @AfterEach
  void stop() throws InterruptedException {
    group.shutdownGracefully(0, 5, TimeUnit.SECONDS).await(10, TimeUnit.SECONDS);
  }

  /** Negotiates decently: the old way, which is short. */
  private static void negotiate(DataInputStream in, DataOutputStream out) throws IOException {
    out.writeLong(Wire.INIT_MAGIC);
    out.writeLong(Wire.OPTION_MAGIC);
    out.writeShort(Wire.FLAG_NO_ZEROES);
    in.readInt();
    in.readLong();
    in.readInt();
    in.readFully(new byte[in.readInt()]);
    out.writeLong(1 << 20);
    out.writeShort(Wire.FLAG_HAS_FLAGS | Wire.FLAG_SEND_FLUSH);
  }

  /** Reads a request and gives its cookie. */
  private static long request(DataInputStream in) throws IOException {
    assertEquals(Wire.REQUEST_MAGIC, in.readInt());
    in.readShort();
    in.readShort();
    long cookie = in.readLong();
    in.readLong();
    in.readInt();
    return cookie;
  }

  private NbdClient connect(ScriptedServer server) {
    return Wait.get(NbdClient.connect(NbdUri.tcp("127.0.0.1", server.port(), "x"), options, group));
  }

  /** Whatever the first connection does, the second one answers the read as it should be. */
  private void badOnce(ScriptedServer.Script bad) throws IOException {
    try (ScriptedServer server =
        new ScriptedServer(
            (in, out, n) -> {
              negotiate(in, out);
              if (n == 0) {
                bad.run(in, out, n);
                return;
              }
              long cookie = request(in);
              out.writeInt(Wire.SIMPLE_REPLY_MAGIC);
              out.writeInt(0);
              out.writeLong(cookie);
              out.writeLong(42);
              in.readByte();
            })) {
      NbdClient client = connect(server);
      ByteBuf data = Wait.get(client.read(0, 8));
      assertEquals(42, data.readLong());
      data.release();
      assertEquals(2, server.connections());
      Wait.get(client.close());
    }
  }

  @Test
  void aReplyOfGarbageCostsTheConnectionNotTheData() throws IOException {
    badOnce(
        (in, out, n) -> {
          request(in);
          out.write(new byte[64]);
          in.read();
        });
  }

  @Test
  void aReplyToNobodyCostsTheConnectionNotTheData() throws IOException {
    badOnce(
        (in, out, n) -> {
          out.writeInt(Wire.SIMPLE_REPLY_MAGIC);
          out.writeInt(0);
          out.writeLong(request(in) + 1);
          out.writeLong(13);
          in.read();
        });
  }

  @Test
  void aReplyThatEndsInTheMiddleIsNoReply() throws IOException {
    badOnce(
        (in, out, n) -> {
          long cookie = request(in);
          out.writeInt(Wire.SIMPLE_REPLY_MAGIC);
          out.writeInt(0);
          out.writeLong(cookie);
          out.writeInt(13);
        });
  }

  @Test
  void talkBeforeAnyRequestCostsTheConnection() throws IOException {
    badOnce(
        (in, out, n) -> {
          out.write(new byte[64]);
          in.read();
        });
  }

  @Test
  void aServerThatNeverAnswersIsBoundedByTheTimeout() throws IOException {
    try (ScriptedServer server =
        new ScriptedServer(
            (in, out, n) -> {
              negotiate(in, out);
              in.readAllBytes();
            })) {
      NbdClient client =
          Wait.get(
              NbdClient.connect(
                  NbdUri.tcp("127.0.0.1", server.port(), "x"),
                  options.withIoTimeout(Duration.ofMillis(200)),
                  group));
      Throwable e = Wait.failure(client.read(0, 8));
      assertEquals(NbdError.EIO, NbdException.errorOf(e));
      assertTrue(e.getMessage().contains("READ of 8 bytes at 0 not answered"), e.getMessage());
      Wait.get(client.close());
    }
  }

  @Test
  void aNegotiationThatNeverEndsIsBoundedByItsTimeout() throws IOException {
    try (ScriptedServer server =
        new ScriptedServer(
            (in, out, n) -> {
              out.writeLong(Wire.INIT_MAGIC);
              in.readAllBytes();
            })) {
      Throwable e =
          Wait.failure(
              NbdClient.connect(
                  NbdUri.tcp("127.0.0.1", server.port(), "x"),
                  options.withConnectTimeout(Duration.ofMillis(200)),
                  group));
      assertEquals(
          NbdConnectException.Reason.UNREACHABLE,
          assertInstanceOf(NbdConnectException.class, e).reason());
      assertTrue(e.getMessage().contains("the negotiation took too long"), e.getMessage());
    }
  }
}
