package dev.wherry.nbd.server;

import static dev.wherry.nbd.Wire.CMD_BLOCK_STATUS;
import static dev.wherry.nbd.Wire.CMD_CACHE;
import static dev.wherry.nbd.Wire.CMD_DISC;
import static dev.wherry.nbd.Wire.CMD_FLAG_DF;
import static dev.wherry.nbd.Wire.CMD_FLAG_FAST_ZERO;
import static dev.wherry.nbd.Wire.CMD_FLAG_FUA;
import static dev.wherry.nbd.Wire.CMD_FLAG_NO_HOLE;
import static dev.wherry.nbd.Wire.CMD_FLAG_PAYLOAD_LEN;
import static dev.wherry.nbd.Wire.CMD_FLAG_REQ_ONE;
import static dev.wherry.nbd.Wire.CMD_FLUSH;
import static dev.wherry.nbd.Wire.CMD_READ;
import static dev.wherry.nbd.Wire.CMD_TRIM;
import static dev.wherry.nbd.Wire.CMD_WRITE;
import static dev.wherry.nbd.Wire.CMD_WRITE_ZEROES;

import dev.wherry.nbd.ExportInfo;
import dev.wherry.nbd.ExportInfo.Ability;
import dev.wherry.nbd.NbdError;
import io.netty.buffer.ByteBuf;

/**
 * The one place that decides whether a request is good, before it has any effect ("Request types",
 * "Command flags", "Block size constraints"). Past the end is ENOSPC for what writes and EINVAL for
 * the rest; a length of zero is EINVAL except where it means nothing else.
 */
final class RequestValidator {
  /**
   * The largest payload that is accepted, in bytes; what we ask for is {@code Wire.MAX_PAYLOAD}.
   */
  static final int MAX_PAYLOAD = 64 << 20;

  /** The length and at most 1022 contexts. */
  private static final int MAX_STATUS_PAYLOAD = 4096;

  private RequestValidator() {}

  /** Leaves a good request as it is and marks a bad one with the error to answer. */
  static void validate(Request r, ExportInfo info, SessionMode mode) {
    if (r.error != null) {
      return;
    }
    int allowed = CMD_FLAG_FUA;
    if (mode.extended()) {
      allowed |= CMD_FLAG_PAYLOAD_LEN;
    }
    switch (r.type) {
      case CMD_READ -> {
        allowed |= mode.structured() ? CMD_FLAG_DF : 0;
        range(r, info, NbdError.EINVAL);
        if (r.error == null && r.length > MAX_PAYLOAD) {
          r.reject(NbdError.EINVAL, "read of " + r.length + " bytes: the limit is " + MAX_PAYLOAD);
        }
      }
      case CMD_WRITE -> {
        writable(r, info, true, "write");
        range(r, info, NbdError.ENOSPC);
      }
      case CMD_WRITE_ZEROES -> {
        allowed |= CMD_FLAG_NO_HOLE | (info.can(Ability.FAST_ZERO) ? CMD_FLAG_FAST_ZERO : 0);
        writable(r, info, info.can(Ability.ZERO), "write zeroes");
        range(r, info, NbdError.ENOSPC);
      }
      case CMD_TRIM -> {
        writable(r, info, info.can(Ability.TRIM), "trim");
        range(r, info, NbdError.EINVAL);
      }
      case CMD_CACHE -> {
        supported(r, info.can(Ability.CACHE), "cache");
        range(r, info, NbdError.EINVAL);
      }
      case CMD_FLUSH -> {
        supported(r, info.can(Ability.FLUSH), "flush");
        if (r.error == null && (r.offset != 0 || r.length != 0)) {
          r.reject(NbdError.EINVAL, "flush with an offset or a length");
        }
      }
      case CMD_BLOCK_STATUS -> {
        allowed |= CMD_FLAG_REQ_ONE;
        if (mode.contexts().isEmpty()) {
          r.reject(NbdError.EINVAL, "block status without a negotiated context");
        }
        if (r.payload == 0) {
          range(r, info, NbdError.EINVAL);
        } else if (r.payload < 12 || r.payload > MAX_STATUS_PAYLOAD || r.payload % 4 != 0) {
          r.reject(NbdError.EINVAL, "block status payload of " + r.payload + " bytes");
        }
      }
      case CMD_DISC -> allowed |= 0xffff;
      default -> r.reject(NbdError.EINVAL, "unknown command " + r.type);
    }
    if (r.error == null && r.payload > 0 && r.type != CMD_WRITE && r.type != CMD_BLOCK_STATUS) {
      r.reject(NbdError.EINVAL, "a payload that the command does not take");
    }
    if (r.error == null && (r.flags & ~allowed) != 0) {
      r.reject(
          NbdError.EINVAL,
          "command flags 0x" + Integer.toHexString(r.flags & ~allowed) + " do not fit the command");
    }
    if (r.error == null && (r.flags & CMD_FLAG_FUA) != 0 && !info.can(Ability.FUA)) {
      r.reject(NbdError.EINVAL, "the export does not take FUA");
    }
  }

  /**
   * Takes the length of the effect from the payload of a block status ("Block status payload":
   * length:64, then context ids:32) and checks the range.
   */
  static void statusPayload(Request r, ByteBuf payload, ExportInfo info) {
    r.length = payload.getLong(payload.readerIndex());
    range(r, info, NbdError.EINVAL);
  }

  private static void supported(Request r, boolean yes, String what) {
    if (!yes) {
      r.reject(NbdError.EINVAL, "the export does not take " + what);
    }
  }

  private static void writable(Request r, ExportInfo info, boolean able, String what) {
    if (info.readOnly()) {
      r.reject(NbdError.EPERM, "the export is read-only");
    } else {
      supported(r, able, what);
    }
  }

  private static void range(Request r, ExportInfo info, NbdError pastEnd) {
    if (r.error != null) {
      return;
    }
    long mask = info.minBlock() - 1L;
    if (r.length == 0) {
      r.reject(NbdError.EINVAL, "length is 0");
    } else if (r.offset < 0
        || r.length < 0
        || r.offset > info.size()
        || r.length > info.size() - r.offset) {
      r.reject(
          pastEnd,
          "offset "
              + Long.toUnsignedString(r.offset)
              + " length "
              + Long.toUnsignedString(r.length)
              + " is past the end, "
              + info.size());
    } else if (((r.offset | r.length) & mask) != 0) {
      r.reject(NbdError.EINVAL, "offset or length is not a multiple of " + info.minBlock());
    }
  }
}
