package dev.wherry.nbd.server;

import static dev.wherry.nbd.Wire.*;

import dev.wherry.nbd.Extent;
import dev.wherry.nbd.server.TestPeer.Mode;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * What the protocol says should come of a client's whole stream of bytes, written a second time as
 * simply as possible: no buffers, no splits, no memory limits, one array as the device. The fuzz
 * compares the server with it.
 */
@SuppressWarnings("ByteBufferBackingArray") // all of its buffers wrap whole arrays
final class ReferenceServer {
  /** What an option is answered with: reply types in order. */
  record Answer(int option, List<Integer> types) {}

  /** What a request is answered with. */
  @SuppressWarnings("ArrayRecordComponent") // compared by hand
  record Expected(long cookie, long offset, int type, int error, byte @Nullable [] data) {}

  /** How a stream ends. */
  enum End {
    /** The server waits for more. */
    WAITS,
    /** The server has closed. */
    CLOSED
  }

  final List<Answer> answers = new ArrayList<>();
  final List<Expected> replies = new ArrayList<>();
  End end = End.WAITS;
  boolean transmits;
  int exportNameBytes = -1;
  private final ByteBuffer in;
  private final byte[] disk;
  private final boolean readOnly;
  private final int size;
  private boolean noZeroes;
  private boolean structured;
  private boolean extended;
  private Set<Integer> contexts = Set.of();
  private String contextExport = "";

  ReferenceServer(byte[] stream, byte[] disk, boolean readOnly) {
    in = ByteBuffer.wrap(stream);
    this.disk = disk;
    this.size = disk.length;
    this.readOnly = readOnly;
  }

  Mode mode() {
    return extended ? Mode.EXTENDED : structured ? Mode.STRUCTURED : Mode.SIMPLE;
  }

  ReferenceServer run() {
    if (in.remaining() < 4) {
      return this;
    }
    int flags = in.getInt();
    if ((flags & ~3) != 0) {
      end = End.CLOSED;
      return this;
    }
    noZeroes = (flags & 2) != 0;
    for (int i = 0; end == End.WAITS && !transmits && in.remaining() >= 16; i++) {
      long magic = in.getLong();
      int option = in.getInt();
      int length = in.getInt();
      if (magic != OPTION_MAGIC || length < 0 || length > 1 << 20 || i >= 1024) {
        end = End.CLOSED;
      } else if (option == OPT_EXPORT_NAME && length > 65536) {
        end = End.CLOSED;
      } else if (in.remaining() < length) {
        return this;
      } else {
        byte[] data = new byte[length];
        in.get(data);
        option(option, ByteBuffer.wrap(data));
      }
    }
    while (transmits && end == End.WAITS && in.remaining() >= (extended ? 32 : 28)) {
      if (!request()) {
        return this;
      }
    }
    return this;
  }

  private void answer(int option, Integer... types) {
    answers.add(new Answer(option, List.of(types)));
  }

  private void option(int option, ByteBuffer data) {
    int length = data.remaining();
    if (length > 65536) {
      answer(option, REP_ERR_TOO_BIG);
      return;
    }
    switch (option) {
      case OPT_EXPORT_NAME -> {
        String name = StandardCharsets.UTF_8.decode(data).toString();
        if (length <= 4096 && known(name)) {
          exportNameBytes = noZeroes ? 10 : 134;
          transmit(name);
        } else {
          end = End.CLOSED;
        }
      }
      case OPT_ABORT -> {
        answer(option, REP_ACK);
        end = End.CLOSED;
      }
      case OPT_LIST -> {
        if (length == 0) {
          answer(option, REP_SERVER, REP_ACK);
        } else {
          answer(option, REP_ERR_INVALID);
        }
      }
      case OPT_STARTTLS -> answer(option, length == 0 ? REP_ERR_POLICY : REP_ERR_INVALID);
      case OPT_INFO, OPT_GO -> infoOrGo(option, data);
      case OPT_STRUCTURED_REPLY -> {
        if (length == 0 && !extended) {
          structured = true;
          answer(option, REP_ACK);
        } else {
          answer(option, length == 0 ? REP_ERR_EXT_HEADER_REQD : REP_ERR_INVALID);
        }
      }
      case OPT_EXTENDED_HEADERS -> {
        if (length == 0) {
          structured = true;
          extended = true;
          answer(option, REP_ACK);
        } else {
          answer(option, REP_ERR_INVALID);
        }
      }
      case OPT_LIST_META_CONTEXT, OPT_SET_META_CONTEXT -> metaContext(option, data);
      default -> answer(option, REP_ERR_UNSUP);
    }
  }

  private static boolean known(String name) {
    return name.isEmpty() || name.equals("disk");
  }

  private void transmit(String name) {
    transmits = true;
    if (!name.equals(contextExport)) {
      contexts = Set.of();
    }
  }

  private static @Nullable String string(ByteBuffer data) {
    if (data.remaining() < 4) {
      return null;
    }
    int n = data.getInt();
    if (n < 0 || n > 4096 || n > data.remaining()) {
      return null;
    }
    byte[] b = new byte[n];
    data.get(b);
    return new String(b, StandardCharsets.UTF_8);
  }

  private void infoOrGo(int option, ByteBuffer data) {
    String name = string(data);
    if (name == null || data.remaining() < 2) {
      answer(option, REP_ERR_INVALID);
      return;
    }
    int n = data.getShort() & 0xffff;
    if (data.remaining() != 2 * n) {
      answer(option, REP_ERR_INVALID);
      return;
    }
    Set<Integer> wanted = new TreeSet<>();
    for (int i = 0; i < n; i++) {
      wanted.add(data.getShort() & 0xffff);
    }
    if (!known(name)) {
      answer(option, REP_ERR_UNKNOWN);
      return;
    }
    List<Integer> types = new ArrayList<>(List.of(REP_INFO, REP_INFO));
    for (int i : new int[] {INFO_NAME, INFO_DESCRIPTION}) {
      if (wanted.contains(i)) {
        types.add(REP_INFO);
      }
    }
    types.add(REP_ACK);
    answers.add(new Answer(option, types));
    if (option == OPT_GO) {
      transmit(name);
    }
  }

  private void metaContext(int option, ByteBuffer data) {
    boolean set = option == OPT_SET_META_CONTEXT;
    if (set) {
      contexts = Set.of();
    }
    String export = string(data);
    boolean good = structured && export != null && data.remaining() >= 4;
    int n = good ? data.getInt() : 0;
    good &= n >= 0 && n <= 256;
    List<String> queries = new ArrayList<>();
    for (int i = 0; good && i < n; i++) {
      String q = string(data);
      good = q != null;
      queries.add(String.valueOf(q));
    }
    if (!good || data.hasRemaining() || export == null) {
      answer(option, REP_ERR_INVALID);
      return;
    }
    if (!known(export)) {
      answer(option, REP_ERR_UNKNOWN);
      return;
    }
    Set<Integer> found = new TreeSet<>();
    for (int id = 1; id <= 2; id++) {
      String context = id == 1 ? Extent.BASE_ALLOCATION : StatusExport.ODD;
      String namespace = context.substring(0, context.indexOf(':') + 1);
      boolean all = !set && (queries.isEmpty() || queries.contains(namespace));
      if (all || queries.contains(context) || (!set && wildcard(queries, context))) {
        found.add(id);
      }
    }
    List<Integer> types = new ArrayList<>();
    found.forEach(id -> types.add(REP_META_CONTEXT));
    types.add(REP_ACK);
    answers.add(new Answer(option, types));
    if (set) {
      contexts = found;
      contextExport = export;
    }
  }

  private static boolean wildcard(List<String> queries, String context) {
    return queries.stream().anyMatch(q -> q.endsWith(":") && context.startsWith(q));
  }

  /** False if the request is not all there. */
  private boolean request() {
    int magic = in.getInt();
    int flags = in.getShort() & 0xffff;
    int type = in.getShort() & 0xffff;
    long cookie = in.getLong();
    long offset = in.getLong();
    long length = extended ? in.getLong() : in.getInt() & 0xffff_ffffL;
    if (magic != (extended ? EXTENDED_REQUEST_MAGIC : REQUEST_MAGIC)) {
      end = End.CLOSED;
      return true;
    }
    boolean flagged = extended && (flags & CMD_FLAG_PAYLOAD_LEN) != 0;
    long payload = flagged || type == CMD_WRITE ? length : 0;
    if (payload < 0 || payload > 0xffff_ffffL) {
      end = End.CLOSED;
      return true;
    }
    if (payload > in.remaining()) {
      return false;
    }
    byte[] data = new byte[(int) payload];
    in.get(data);
    if (type == CMD_DISC && payload == 0) {
      end = End.CLOSED;
      return true;
    }
    int error = error(type, flags, offset, length, data);
    byte[] read = null;
    if (error == 0) {
      int at = (int) offset;
      switch (type) {
        case CMD_READ -> read = java.util.Arrays.copyOfRange(disk, at, at + (int) length);
        case CMD_WRITE -> System.arraycopy(data, 0, disk, at, data.length);
        case CMD_TRIM, CMD_WRITE_ZEROES ->
            java.util.Arrays.fill(disk, at, at + (int) length, (byte) 0);
        default -> {}
      }
    }
    replies.add(new Expected(cookie, offset, type, error, read));
    return true;
  }

  private int error(int type, int flags, long offset, long length, byte[] data) {
    if (data.length > 64 << 20) {
      return 22;
    }
    boolean writes = type == CMD_WRITE || type == CMD_TRIM || type == CMD_WRITE_ZEROES;
    if (writes && readOnly) {
      return 1;
    }
    boolean statusPayload = type == CMD_BLOCK_STATUS && data.length > 0;
    long effect = length;
    if (statusPayload) {
      if (data.length < 12 || data.length > 4096 || data.length % 4 != 0) {
        return 22;
      }
      effect = ByteBuffer.wrap(data).getLong();
    } else if (data.length > 0 && type != CMD_WRITE && !writes) {
      return 22;
    }
    int allowed = CMD_FLAG_FUA | (extended ? CMD_FLAG_PAYLOAD_LEN : 0);
    switch (type) {
      case CMD_READ -> allowed |= structured ? CMD_FLAG_DF : 0;
      case CMD_WRITE_ZEROES -> allowed |= CMD_FLAG_NO_HOLE | CMD_FLAG_FAST_ZERO;
      case CMD_BLOCK_STATUS -> allowed |= CMD_FLAG_REQ_ONE;
      case CMD_WRITE, CMD_TRIM, CMD_CACHE -> {}
      case CMD_FLUSH -> {
        return offset == 0 && length == 0 && (flags & ~allowed) == 0 ? 0 : 22;
      }
      default -> {
        return 22;
      }
    }
    if (type == CMD_BLOCK_STATUS && contexts.isEmpty()) {
      return 22;
    }
    if (effect == 0) {
      return 22;
    }
    boolean inside = offset >= 0 && effect > 0 && offset <= size && effect <= size - offset;
    if (!inside) {
      return type == CMD_WRITE || type == CMD_WRITE_ZEROES ? 28 : 22;
    }
    if ((flags & ~allowed) != 0 || (data.length > 0 && type != CMD_WRITE && !statusPayload)) {
      return 22;
    }
    return statusPayload ? chosen(data) : 0;
  }

  private int chosen(byte[] data) {
    Set<Integer> seen = new TreeSet<>();
    for (int i = 8; i < data.length; i += 4) {
      int id = ByteBuffer.wrap(data).getInt(i);
      if (!contexts.contains(id) || !seen.add(id)) {
        return 22;
      }
    }
    return 0;
  }
}
