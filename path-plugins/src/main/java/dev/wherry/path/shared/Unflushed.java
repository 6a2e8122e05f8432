package dev.wherry.path.shared;

import org.jspecify.annotations.Nullable;

/**
 * What hosts of this node were answered by owners and have not flushed: whether the next FLUSH may
 * say that it is durable. An owner that lost its power, or was replaced by force, flushes what it
 * has and knows nothing of what it had; NFS has the write verifier against that, Linux has {@code
 * errseq_t}.
 *
 * <p>Every answer to a change comes with the owner's count of {@linkplain ShareState#losses
 * losses}. A FLUSH fails, once, if changes that were answered before it began were answered under
 * an earlier count than any answer has come with by its end. It fails too if the count grew while
 * it was under way: it was to cover what hosts of other nodes had been answered, and that may be
 * gone.
 *
 * <pre>
 *  count            5                    6
 *  answers  1  2  3 │ 4        5  6
 *                   │ FLUSH ✗     FLUSH ✓
 *           └──gone─┘        └kept┘
 * </pre>
 *
 * An answer that was overtaken by one of a later count may make a flush fail that need not; only
 * where there was a loss.
 *
 * <p>It outlives the engine of a volume, and not the daemon: one that starts again after a crash
 * takes it that something was unflushed, under the count that its state has. Safe on any thread;
 * never blocks.
 */
public final class Unflushed {
  /**
   * A FLUSH that is under way.
   *
   * @param answers that it covers
   * @param losses as they were known when it began
   * @param number counts them
   * @param own whether it is to cover what {@link #wrote} says
   */
  record Mark(long answers, long losses, long number, boolean own) {}

  /** A run of answers, by their numbers; some of them may be flushed. */
  private record Answers(long first, long last) {
    static Answers plus(@Nullable Answers a, long number) {
      return a == null
          ? new Answers(number, number)
          : new Answers(Math.min(a.first, number), Math.max(a.last, number));
    }

    /** What came later than an answer. */
    static @Nullable Answers after(@Nullable Answers a, long number) {
      return a == null || a.last <= number
          ? null
          : new Answers(Math.max(a.first, number + 1), a.last);
    }
  }

  private long losses;
  private long answers;
  private long flushes;

  /** Answered under {@link #losses}. */
  private @Nullable Answers kept;

  /** Answered under fewer. */
  private @Nullable Answers gone;

  /** Flushes up to this one began before anybody was told of the last loss. */
  private long told;

  private long failedAt;

  /** Hosts have changed something, wherever it was owned, since a flush of theirs began. */
  private volatile boolean own;

  /** Flushes under way that are to cover such changes. */
  private int covering;

  /** How many losses this node has counted as the owner. */
  private volatile long counted;

  /** The most losses that any owner is known to have counted. */
  synchronized long latest() {
    return losses;
  }

  /** The owner has counted so many losses, or more by now. */
  synchronized void seen(long count) {
    if (count > losses) {
      if (kept != null) {
        gone = Answers.plus(Answers.plus(gone, kept.first), kept.last);
        kept = null;
      }
      losses = count;
    }
  }

  /** A change was answered under a count; before the host is told. */
  synchronized void answered(long count) {
    seen(count);
    answers++;
    if (count == losses) {
      kept = Answers.plus(kept, answers);
    } else {
      gone = Answers.plus(gone, answers);
    }
  }

  /**
   * Hosts of this node may have changed something that they have not flushed; for what they did
   * before there was an engine that says so, as well.
   */
  public void wrote() {
    if (!own) {
      own = true;
    }
  }

  /**
   * A host of this node begins to change something.
   *
   * @return for {@link #wrote(long)}
   */
  long writing() {
    wrote();
    return counted;
  }

  /**
   * What it began has ended well; before the host is told. A flush that began in between has
   * cleared what was said first, and does not cover it. If it has ended, too, a loss that was
   * counted after that found nothing open; but this may be part of it.
   *
   * @param begun what {@link #writing} said
   * @return false if a loss was counted in between: a host is to be told of it
   */
  boolean wrote(long begun) {
    wrote(); // Before it is asked: a loss that is counted now finds it.
    boolean before = counted == begun;
    if (!before) {
      late();
    }
    return before;
  }

  private synchronized void late() {
    answers++;
    gone = Answers.plus(gone, answers);
  }

  /**
   * The owner, which is this node, counts a loss: what its own hosts were answered may be gone as
   * well. Of what is under way {@link #wrote(long)} tells when it ends.
   *
   * @param count of losses before
   * @return whether they were answered anything that they have not flushed
   */
  synchronized boolean losing(long count) {
    counted = counted + 1; // Before it is asked who has written: see wrote.
    boolean open = own || covering > 0;
    if (open) {
      answered(count);
    }
    return open;
  }

  /** A FLUSH begins. */
  synchronized Mark begin() {
    boolean covers = own;
    own = false;
    covering += covers ? 1 : 0;
    return new Mark(answers, losses, ++flushes, covers);
  }

  /** It has ended; before {@link #flushed} if that is called. */
  synchronized void ended(Mark mark, boolean well) {
    covering -= mark.own ? 1 : 0;
    own |= mark.own && !well;
  }

  /**
   * A FLUSH was answered; the count under which it was is {@link #seen}.
   *
   * @return whether all that it covers is durable. If not the slate is clean: flushes that begin
   *     from now on do not fail for that
   */
  synchronized boolean flushed(Mark mark) {
    boolean lost = gone != null && gone.first <= mark.answers;
    if (lost) {
      // Whoever asked meanwhile is to hear of it, too.
      told = flushes;
    }
    lost |= mark.number <= told || mark.losses != losses;
    gone = Answers.after(gone, mark.answers);
    kept = Answers.after(kept, mark.answers);
    if (lost) {
      failedAt = losses;
    }
    return !lost;
  }

  /** The owner has flushed all that was answered under its count, as it gave the ownership away. */
  synchronized void handedOver(long count) {
    seen(count);
    kept = null;
  }

  /** Whether a host is to be told of a loss. */
  synchronized boolean owes() {
    return gone != null;
  }

  /** Whether one will be once the count is known that an owner has handed over. */
  synchronized boolean owes(long count) {
    return gone != null || (kept != null && count > losses);
  }

  /** Whether nothing is unflushed that was forwarded. */
  synchronized boolean isEmpty() {
    return kept == null && gone == null;
  }

  /**
   * The count with which a flush failed here last, or 0. A host that did not ask for that flush was
   * not told: its next one is to fail as well.
   */
  public synchronized long failedAt() {
    return failedAt;
  }
}
