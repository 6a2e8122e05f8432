package dev.wherry.path.shared;

import dev.wherry.nbd.ExportInfo;
import dev.wherry.nbd.NbdError;
import dev.wherry.path.Answers;
import dev.wherry.path.PathHandler;
import java.util.concurrent.CompletableFuture;

/** What the handlers of all roles have in common. Closing one closes nothing: they own nothing. */
abstract class RoleHandler implements PathHandler {
  private final String suid;
  private final ExportInfo info;

  RoleHandler(String suid, long size) {
    this.suid = suid;
    this.info = SharedInfo.of(size);
  }

  final String suid() {
    return suid;
  }

  @Override
  public final ExportInfo info() {
    return info;
  }

  @Override
  public String describe() {
    return name() + " of volume " + suid;
  }

  @Override
  public final CompletableFuture<Void> resize(long size) {
    return Answers.failed(
        NbdError.ENOTSUP, "volume " + suid + " is shared: its size cannot be changed");
  }

  @Override
  public final CompletableFuture<Void> close() {
    return Answers.done();
  }
}
