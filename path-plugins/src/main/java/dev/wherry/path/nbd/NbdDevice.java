package dev.wherry.path.nbd;

import dev.wherry.nbd.ExportInfo;
import dev.wherry.nbd.Extent;
import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import dev.wherry.nbd.client.NbdClient;
import dev.wherry.path.BlockDevice;
import io.netty.buffer.ByteBuf;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** An export of another NBD server. All that matters is in {@link NbdClient}. */
final class NbdDevice implements BlockDevice {
  private final NbdClient client;

  NbdDevice(NbdClient client) {
    this.client = client;
  }

  @Override
  public ExportInfo info() {
    return client.info();
  }

  @Override
  public CompletableFuture<ByteBuf> read(long offset, int length) {
    return client.read(offset, length);
  }

  @Override
  public CompletableFuture<Void> write(long offset, ByteBuf data, int flags) {
    return client.write(offset, data, flags);
  }

  @Override
  public CompletableFuture<Void> flush() {
    return client.flush();
  }

  @Override
  public CompletableFuture<Void> trim(long offset, long length, int flags) {
    return client.trim(offset, length, flags);
  }

  @Override
  public CompletableFuture<Void> zero(long offset, long length, int flags) {
    return client.zero(offset, length, flags);
  }

  @Override
  public CompletableFuture<Void> cache(long offset, long length) {
    return client.cache(offset, length);
  }

  @Override
  public CompletableFuture<List<Extent>> status(
      String context, long offset, long length, int maxExtents) {
    return client.status(context, offset, length, maxExtents);
  }

  @Override
  public String describe() {
    return client.uri().toString();
  }

  /** The size is the server's: asks it anew, and succeeds if it says that size. */
  @Override
  public CompletableFuture<Void> resize(long size) {
    return client
        .reconnect()
        .thenAccept(
            v -> {
              long actual = client.info().size();
              if (size != actual) {
                throw new NbdException(
                    NbdError.ENOTSUP,
                    describe() + ": its server decides its size: " + actual + ", not " + size);
              }
            });
  }

  @Override
  public CompletableFuture<Void> close() {
    return client.close();
  }
}
