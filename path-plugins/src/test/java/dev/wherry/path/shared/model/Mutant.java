package dev.wherry.path.shared.model;

import dev.wherry.nbd.NbdError;
import dev.wherry.nbd.NbdException;
import dev.wherry.path.Answers;
import dev.wherry.path.BlockDevice;
import dev.wherry.path.ForwardingDevice;
import dev.wherry.path.ForwardingHandler;
import dev.wherry.path.PathHandler;
import dev.wherry.path.link.LinkReply;
import dev.wherry.path.link.LinkRequest;
import dev.wherry.path.link.Op;
import dev.wherry.path.link.Priority;
import dev.wherry.path.map.BlockMap;
import dev.wherry.path.map.MapFile;
import dev.wherry.path.shared.BatchLog;
import dev.wherry.path.shared.Following;
import dev.wherry.path.shared.Parts;
import dev.wherry.path.shared.Role;
import dev.wherry.path.shared.ShareState;
import dev.wherry.path.shared.SharedVolume;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Bugs that somebody might make, each put around the real thing. The model is worth what it finds
 * of them.
 */
enum Mutant {
  /** The map says that blocks are here before the store is flushed. */
  COMMITS_THE_MAP_BEFORE_THE_FLUSH {
    @Override
    BlockMap map(BlockMap map) {
      return new ForwardingMap(map) {
        @Override
        public CompletableFuture<Void> commit(Supplier<CompletableFuture<Void>> flushStore) {
          return super.commit(() -> CompletableFuture.completedFuture(null))
              .thenCompose(v -> flushStore.get());
        }
      };
    }
  },

  /** What a standby was sent ahead counts as valid though a host has overwritten it since. */
  SKIPS_THE_INVALIDATION {
    @Override
    Part part(SharedVolume volume, Parts parts) {
      return new ForgetfulOwner(volume, parts.blockSize());
    }
  },

  /** An owner does not notice what changes after it has told a taker of its store. */
  SKIPS_WHAT_CHANGED_SINCE_THE_PREPARE {
    @Override
    BlockMap map(BlockMap map) {
      return new ForwardingMap(map) {
        @Override
        public void watch(@Nullable Watcher watcher) {
          // Nobody is told.
        }
      };
    }
  },

  /** A former owner goes on answering reads of those who have not heard yet. */
  ANSWERS_A_STALE_EPOCH {
    @Override
    Part part(SharedVolume volume, Parts parts) {
      BlockDevice store = parts.store();
      return new RealPart(volume) {
        @Override
        public CompletableFuture<LinkReply> serve(String from, LinkRequest r, Priority priority) {
          boolean stale = state().role() == Role.FORMER && r.epoch() < state().epoch();
          return stale && r.op() == Op.READ && store != null && state().hasStore()
              ? store.read(r.offset(), (int) r.length()).thenApply(b -> LinkReply.ok(r.epoch(), b))
              : super.serve(from, r, priority);
        }
      };
    }
  },

  /** Data counts as written, and blocks as here, before it is in the store. */
  CLAIMS_BEFORE_THE_DATA_IS_WRITTEN {
    @Override
    Parts parts(Parts parts) {
      return ChangedParts.withStore(
          parts,
          store ->
              new ForwardingDevice(store) {
                @Override
                public CompletableFuture<Void> write(long offset, ByteBuf data, int flags) {
                  ByteBuf copy = Unpooled.copiedBuffer(data);
                  super.write(offset, copy, flags).whenComplete((v, t) -> copy.release());
                  return CompletableFuture.completedFuture(null);
                }
              });
    }
  },

  /** FLUSH of a host of another node is answered without one. */
  ANSWERS_A_FORWARDED_FLUSH_WITHOUT_IT {
    @Override
    Part part(SharedVolume volume, Parts parts) {
      return new RealPart(volume) {
        @Override
        public CompletableFuture<LinkReply> serve(String from, LinkRequest r, Priority priority) {
          return r.op() == Op.FLUSH && r.epoch() == state().epoch() && state().role() == Role.OWNER
              ? CompletableFuture.completedFuture(LinkReply.ok(r.epoch()))
              : super.serve(from, r, priority);
        }
      };
    }
  },

  /** The store is never flushed. */
  FORGETS_TO_FLUSH_THE_STORE {
    @Override
    Parts parts(Parts parts) {
      return ChangedParts.withStore(
          parts,
          store ->
              new ForwardingDevice(store) {
                @Override
                public CompletableFuture<Void> flush() {
                  return CompletableFuture.completedFuture(null);
                }
              });
    }
  },

  /** A former owner may go whatever it still holds. */
  RELEASES_WHAT_IS_STILL_NEEDED {
    @Override
    Part part(SharedVolume volume, Parts parts) {
      return new RealPart(volume) {
        @Override
        public CompletableFuture<LinkReply> serve(String from, LinkRequest r, Priority priority) {
          return r.op() == Op.RELEASE
              ? CompletableFuture.completedFuture(LinkReply.ok(r.epoch()))
              : super.serve(from, r, priority);
        }
      };
    }
  },

  /** The map's journal stays in the process until it is forced. */
  KEEPS_THE_JOURNAL_OUT_OF_THE_PAGE_CACHE {
    @Override
    MapFile file(MapFile file) {
      return new LazyFile(file);
    }
  },

  /** What becomes zero is not noted. */
  FORGETS_ZEROES {
    @Override
    BlockMap map(BlockMap map) {
      return new ForwardingMap(map) {
        @Override
        public CompletableFuture<Void> zeroed(long from, long end) {
          return CompletableFuture.completedFuture(null);
        }
      };
    }
  },

  /** An owner that has lost its power says that nothing is lost. */
  TAKES_A_POWER_LOSS_FOR_A_CRASH {
    @Override
    Parts parts(Parts p) {
      return ChangedParts.with(p, p.store(), p.following(), "the same for ever");
    }
  },

  /** A flush forgets the owner's losses: asked again it says that all is well. */
  ASKS_AGAIN_FOR_A_FLUSH_THAT_FAILED {
    @Override
    Part part(SharedVolume volume, Parts parts) {
      return new RealPart(volume) {
        @Override
        public PathHandler handler() {
          return new ForwardingHandler("twice", super.handler()) {
            @Override
            public CompletableFuture<Void> flush() {
              return device
                  .flush()
                  .handle((v, t) -> t == null ? Answers.done() : device.flush())
                  .thenCompose(done -> done);
            }
          };
        }
      };
    }
  },

  /** A node takes the ownership without having asked for it. */
  TAKES_WITHOUT_ASKING {
    @Override
    Part part(SharedVolume volume, Parts parts) {
      return new RealPart(volume) {
        @Override
        public CompletableFuture<Void> activate(boolean force) {
          ShareState s = state();
          return s.role() != Role.STANDBY
              ? super.activate(force)
              : parts
                  .log()
                  .put(s.owned(parts.node(), s.epoch() + 1, s.losses(), parts.boot(), false))
                  .thenCompose(v -> super.activate(force));
        }
      };
    }
  },

  /** An owner that comes back does not know what it promised. */
  BREAKS_ITS_PROMISE {
    @Override
    Parts parts(Parts p) {
      return ChangedParts.putting(p, state -> state.withPledge(null));
    }
  },

  /** A taker that comes back does not know what its map should have forgotten. */
  TRUSTS_AN_OUTDATED_MAP {
    @Override
    Parts parts(Parts p) {
      return ChangedParts.putting(p, state -> state.withOutdated(List.of()));
    }
  },

  /** A source has a batch in its store before all of it has come. */
  APPLIES_A_BATCH_BEFORE_IT_IS_WHOLE {
    @Override
    Part part(SharedVolume volume, Parts parts) {
      return new BatchMutants.Eager(volume, parts);
    }
  },

  /** A piece of a batch overwrites the batch that comes after it. */
  APPLIES_BATCHES_OUT_OF_ORDER {
    @Override
    Part part(SharedVolume volume, Parts parts) {
      return new BatchMutants.Disorderly(volume, parts);
    }
  },

  /** Under {@code through} a write is answered before the source has it. */
  ANSWERS_BEFORE_THE_OTHER_SIDE_HAS_IT {
    @Override
    Part part(SharedVolume volume, Parts parts) {
      return new BatchMutants.Hasty(volume, parts);
    }
  },

  /** What is written to an NBD server counts as durable there. */
  NEVER_FLUSHES_A_SERVER {
    @Override
    BlockDevice server(BlockDevice client) {
      return new ForwardingDevice(client) {
        @Override
        public CompletableFuture<Void> flush() {
          return CompletableFuture.completedFuture(null);
        }
      };
    }
  },

  /** A write for which there was no room is answered as if it had been done. */
  TAKES_NO_ROOM_FOR_DONE {
    @Override
    Parts parts(Parts parts) {
      return ChangedParts.withStore(
          parts,
          store ->
              new ForwardingDevice(store) {
                @Override
                public CompletableFuture<Void> write(long offset, ByteBuf data, int flags) {
                  return super.write(offset, data, flags)
                      .exceptionallyCompose(
                          failure ->
                              NbdException.errorOf(failure) == NbdError.ENOSPC
                                  ? CompletableFuture.completedFuture(null)
                                  : CompletableFuture.failedFuture(failure));
                }
              });
    }
  },

  /** The engine is taken away while blocks are at the source still. */
  IS_PLAIN_BEFORE_ALL_IS_HERE {
    @Override
    Part part(SharedVolume volume, Parts parts) {
      return new RealPart(volume) {
        @Override
        public boolean isPlain() {
          return state().role() == Role.OWNER && state().fence() == null;
        }
      };
    }
  },

  /** A batch is committed, and its pieces are not durable. */
  COMMITS_A_BATCH_THAT_IS_NOT_FORCED {
    @Override
    Parts parts(Parts p) {
      Following f = p.following();
      BatchLog log = f.batches();
      return log == null
          ? p
          : ChangedParts.with(
              p,
              p.store(),
              new Following(
                  new BatchMutants.Unforced(log), f.limit(), f.stall(), f.memory(), f.period()),
              p.boot());
    }
  };

  BlockDevice server(BlockDevice client) {
    return client;
  }

  Part part(SharedVolume volume, Parts parts) {
    return new RealPart(volume);
  }

  Parts parts(Parts parts) {
    return parts;
  }

  BlockMap map(BlockMap map) {
    return map;
  }

  MapFile file(MapFile file) {
    return file;
  }

  /** The real engine with this bug. */
  Engine engine() {
    return new RealEngine() {
      @Override
      public Part open(Parts parts, ShareState state) {
        Parts mutated = parts(parts);
        return part(SharedVolume.open(mutated, state), mutated);
      }

      @Override
      public BlockDevice server(BlockDevice client) {
        return Mutant.this.server(client);
      }

      @Override
      public CompletableFuture<BlockMap> createMap(
          Life life, MapFile file, Settings settings, int state) {
        return super.createMap(life, file(file), settings, state).thenApply(Mutant.this::map);
      }

      @Override
      public CompletableFuture<BlockMap> openMap(
          Life life, MapFile file, Platter platter, Settings settings) {
        return super.openMap(life, file(file), platter, settings).thenApply(Mutant.this::map);
      }
    };
  }
}
