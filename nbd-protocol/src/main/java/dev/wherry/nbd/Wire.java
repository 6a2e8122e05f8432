package dev.wherry.nbd;

/**
 * The numbers of the NBD protocol as they are on the wire (document "The NBD protocol", sections
 * "Values" and "Compatibility and interoperability"). All of them are big-endian there.
 */
public final class Wire {
  private Wire() {}

  // Magic numbers.

  /** "NBDMAGIC": the first 64 bits that a server sends. */
  public static final long INIT_MAGIC = 0x4e42444d41474943L;

  /** "IHAVEOPT": newstyle negotiation, and the start of every option of a client. */
  public static final long OPTION_MAGIC = 0x49484156454f5054L;

  /** Second magic of a server of the abandoned oldstyle negotiation. */
  public static final long OLDSTYLE_MAGIC = 0x0000420281861253L;

  /** Start of every reply to an option. */
  public static final long OPTION_REPLY_MAGIC = 0x0003e889045565a9L;

  /** Start of a compact request, 32 bits. */
  public static final int REQUEST_MAGIC = 0x25609513;

  /** Start of a request with extended headers, 32 bits. */
  public static final int EXTENDED_REQUEST_MAGIC = 0x21e41c71;

  /** Start of a simple reply, 32 bits. */
  public static final int SIMPLE_REPLY_MAGIC = 0x67446698;

  /** Start of a structured reply chunk, 32 bits. */
  public static final int STRUCTURED_REPLY_MAGIC = 0x668e33ef;

  /** Start of a reply chunk with extended headers, 32 bits. */
  public static final int EXTENDED_REPLY_MAGIC = 0x6e8a278c;

  // Header lengths in bytes.

  /** The server's greeting of newstyle: two magics and the handshake flags. */
  public static final int GREETING_LENGTH = 18;

  /** Header of an option: magic, option, length. */
  public static final int OPTION_HEADER_LENGTH = 16;

  /** Header of a reply to an option: magic, option, type, length. */
  public static final int OPTION_REPLY_HEADER_LENGTH = 20;

  /** Compact request: magic, flags, type, cookie, offset, 32-bit length. */
  public static final int REQUEST_LENGTH = 28;

  /** Extended request: magic, flags, type, cookie, offset, 64-bit length. */
  public static final int EXTENDED_REQUEST_LENGTH = 32;

  /** Simple reply: magic, error, cookie. */
  public static final int SIMPLE_REPLY_LENGTH = 16;

  /** Structured reply chunk: magic, flags, type, cookie, 32-bit length. */
  public static final int STRUCTURED_REPLY_LENGTH = 20;

  /** Extended reply chunk: magic, flags, type, cookie, offset, 64-bit length. */
  public static final int EXTENDED_REPLY_LENGTH = 32;

  /** Zeroes after the answer to EXPORT_NAME, unless both sides set NO_ZEROES. */
  public static final int EXPORT_NAME_PADDING = 124;

  // Handshake flags of the server, 16 bits.

  public static final int FLAG_FIXED_NEWSTYLE = 1;
  public static final int FLAG_NO_ZEROES = 1 << 1;

  // Handshake flags of the client, 32 bits.

  public static final int FLAG_C_FIXED_NEWSTYLE = 1;
  public static final int FLAG_C_NO_ZEROES = 1 << 1;

  // Transmission flags, 16 bits.

  public static final int FLAG_HAS_FLAGS = 1;
  public static final int FLAG_READ_ONLY = 1 << 1;
  public static final int FLAG_SEND_FLUSH = 1 << 2;
  public static final int FLAG_SEND_FUA = 1 << 3;
  public static final int FLAG_ROTATIONAL = 1 << 4;
  public static final int FLAG_SEND_TRIM = 1 << 5;
  public static final int FLAG_SEND_WRITE_ZEROES = 1 << 6;
  public static final int FLAG_SEND_DF = 1 << 7;
  public static final int FLAG_CAN_MULTI_CONN = 1 << 8;
  public static final int FLAG_SEND_RESIZE = 1 << 9;
  public static final int FLAG_SEND_CACHE = 1 << 10;
  public static final int FLAG_SEND_FAST_ZERO = 1 << 11;
  public static final int FLAG_BLOCK_STATUS_PAYLOAD = 1 << 12;

  // Options, 32 bits.

  public static final int OPT_EXPORT_NAME = 1;
  public static final int OPT_ABORT = 2;
  public static final int OPT_LIST = 3;
  public static final int OPT_PEEK_EXPORT = 4;
  public static final int OPT_STARTTLS = 5;
  public static final int OPT_INFO = 6;
  public static final int OPT_GO = 7;
  public static final int OPT_STRUCTURED_REPLY = 8;
  public static final int OPT_LIST_META_CONTEXT = 9;
  public static final int OPT_SET_META_CONTEXT = 10;
  public static final int OPT_EXTENDED_HEADERS = 11;

  // Types of replies to options, 32 bits. Those with the top bit set (negative) are errors.

  public static final int REP_ACK = 1;
  public static final int REP_SERVER = 2;
  public static final int REP_INFO = 3;
  public static final int REP_META_CONTEXT = 4;

  /** The bit that all errors have; as an int it makes them negative. */
  public static final int REP_FLAG_ERROR = 1 << 31;

  public static final int REP_ERR_UNSUP = REP_FLAG_ERROR | 1;
  public static final int REP_ERR_POLICY = REP_FLAG_ERROR | 2;
  public static final int REP_ERR_INVALID = REP_FLAG_ERROR | 3;
  public static final int REP_ERR_PLATFORM = REP_FLAG_ERROR | 4;
  public static final int REP_ERR_TLS_REQD = REP_FLAG_ERROR | 5;
  public static final int REP_ERR_UNKNOWN = REP_FLAG_ERROR | 6;
  public static final int REP_ERR_SHUTDOWN = REP_FLAG_ERROR | 7;
  public static final int REP_ERR_BLOCK_SIZE_REQD = REP_FLAG_ERROR | 8;
  public static final int REP_ERR_TOO_BIG = REP_FLAG_ERROR | 9;
  public static final int REP_ERR_EXT_HEADER_REQD = REP_FLAG_ERROR | 10;

  // Information types of INFO and GO, 16 bits.

  public static final int INFO_EXPORT = 0;
  public static final int INFO_NAME = 1;
  public static final int INFO_DESCRIPTION = 2;
  public static final int INFO_BLOCK_SIZE = 3;

  // Request types, 16 bits.

  public static final int CMD_READ = 0;
  public static final int CMD_WRITE = 1;
  public static final int CMD_DISC = 2;
  public static final int CMD_FLUSH = 3;
  public static final int CMD_TRIM = 4;
  public static final int CMD_CACHE = 5;
  public static final int CMD_WRITE_ZEROES = 6;
  public static final int CMD_BLOCK_STATUS = 7;
  public static final int CMD_RESIZE = 8;

  // Command flags, 16 bits.

  public static final int CMD_FLAG_FUA = 1;
  public static final int CMD_FLAG_NO_HOLE = 1 << 1;
  public static final int CMD_FLAG_DF = 1 << 2;
  public static final int CMD_FLAG_REQ_ONE = 1 << 3;
  public static final int CMD_FLAG_FAST_ZERO = 1 << 4;
  public static final int CMD_FLAG_PAYLOAD_LEN = 1 << 5;

  // Flags and types of reply chunks, 16 bits each.

  /** The last chunk of a reply. */
  public static final int REPLY_FLAG_DONE = 1;

  public static final int REPLY_TYPE_NONE = 0;
  public static final int REPLY_TYPE_OFFSET_DATA = 1;
  public static final int REPLY_TYPE_OFFSET_HOLE = 2;
  public static final int REPLY_TYPE_BLOCK_STATUS = 5;
  public static final int REPLY_TYPE_BLOCK_STATUS_EXT = 6;

  /** The bit that all error chunks have. */
  public static final int REPLY_TYPE_FLAG_ERROR = 1 << 15;

  public static final int REPLY_TYPE_ERROR = REPLY_TYPE_FLAG_ERROR | 1;
  public static final int REPLY_TYPE_ERROR_OFFSET = REPLY_TYPE_FLAG_ERROR | 2;

  // Limits.

  /** Longest string, export names included, in bytes of UTF-8. */
  public static final int MAX_STRING = 4096;

  /** Largest payload that both sides can count on unless a block size says otherwise, in bytes. */
  public static final int MAX_PAYLOAD = 32 << 20;

  /** The port that is registered for NBD. */
  public static final int DEFAULT_PORT = 10809;
}
