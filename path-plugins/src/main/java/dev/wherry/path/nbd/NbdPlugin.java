package dev.wherry.path.nbd;

import dev.wherry.nbd.NbdUri;
import dev.wherry.nbd.client.NbdClient;
import dev.wherry.nbd.client.NbdClientOptions;
import dev.wherry.nbd.client.NbdConnectException;
import dev.wherry.path.BlockDevice;
import dev.wherry.path.DeviceContext;
import dev.wherry.path.DeviceException;
import dev.wherry.path.DeviceException.Reason;
import dev.wherry.path.DevicePlugin;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/** Opens exports of other NBD servers by their URI. */
public final class NbdPlugin implements DevicePlugin {
  @Override
  public Set<String> schemes() {
    return NbdUri.SCHEMES;
  }

  @Override
  public CompletableFuture<BlockDevice> open(String spec, DeviceContext context) {
    NbdUri uri;
    try {
      uri = NbdUri.parse(spec);
    } catch (IllegalArgumentException e) {
      return CompletableFuture.failedFuture(e);
    }
    Duration connectTimeout = NbdClientOptions.DEFAULTS.connectTimeout();
    NbdClientOptions options =
        NbdClientOptions.DEFAULTS
            .withIoTimeout(context.ioTimeout())
            .withConnectTimeout(
                connectTimeout.compareTo(context.ioTimeout()) < 0
                    ? connectTimeout
                    : context.ioTimeout())
            .withTlsDir(context.tlsDir())
            .withReadOnly(context.readOnly());
    return CompletableFuture.supplyAsync(() -> uri, context.workers())
        // Certificates are read from files.
        .thenCompose(u -> NbdClient.connect(u, options, context.loops()))
        .handle(
            (client, e) -> {
              if (e != null) {
                throw deviceException(spec, e);
              }
              return new NbdDevice(client);
            });
  }

  private static DeviceException deviceException(String spec, Throwable failure) {
    Throwable t = failure;
    while (t instanceof CompletionException && t.getCause() != null) {
      t = t.getCause();
    }
    Reason reason = Reason.UNAVAILABLE;
    if (t instanceof NbdConnectException e) {
      reason =
          switch (e.reason()) {
            case UNKNOWN_EXPORT -> Reason.MISSING;
            case UNREACHABLE -> Reason.UNAVAILABLE;
            case REFUSED, PROTOCOL -> Reason.UNSUITABLE;
          };
    }
    return new DeviceException(reason, "backing " + spec + ": " + t.getMessage(), t);
  }
}
