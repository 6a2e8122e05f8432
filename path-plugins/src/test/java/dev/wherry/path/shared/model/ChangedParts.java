package dev.wherry.path.shared.model;

import dev.wherry.path.BlockDevice;
import dev.wherry.path.map.BlockMap;
import dev.wherry.path.shared.Following;
import dev.wherry.path.shared.Parts;
import dev.wherry.path.shared.ShareLog;
import dev.wherry.path.shared.ShareState;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** What an engine is opened with, but for one thing. */
final class ChangedParts {
  private ChangedParts() {}

  static Parts withStore(Parts p, Function<BlockDevice, BlockDevice> wrap) {
    return with(p, p.store() == null ? null : wrap.apply(p.store()), p.following(), p.boot());
  }

  static Parts putting(Parts p, UnaryOperator<ShareState> change) {
    ShareLog log = p.log();
    return with(
        p,
        p.store(),
        p.following(),
        p.boot(),
        new ShareLog() {
          @Override
          public CompletableFuture<Void> put(ShareState state) {
            return log.put(change.apply(state));
          }

          @Override
          public CompletableFuture<BlockMap> create(long number, int state) {
            return log.create(number, state);
          }

          @Override
          public CompletableFuture<Void> remove(long number) {
            return log.remove(number);
          }
        });
  }

  static Parts with(Parts p, @Nullable BlockDevice store, Following following, String boot) {
    return with(p, store, following, boot, p.log());
  }

  static Parts with(
      Parts p, @Nullable BlockDevice store, Following following, String boot, ShareLog log) {
    return new Parts(
        p.suid(),
        p.node(),
        store,
        p.size(),
        p.blockSize(),
        p.map(),
        p.links(),
        p.readPolicies(),
        p.sources(),
        log,
        p.timer(),
        p.nanoClock(),
        p.ioTimeout(),
        following,
        boot,
        p.unflushed());
  }
}
