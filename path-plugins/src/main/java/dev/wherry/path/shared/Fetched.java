package dev.wherry.path.shared;

import io.netty.buffer.ByteBuf;
import java.util.List;

/**
 * What a store answered to a fetch.
 *
 * @param data all bytes that were asked for; zeroes where they are absent. Whoever has the record
 *     owns it
 * @param absent blocks that are neither at that node nor anywhere but where the asker looks next
 */
record Fetched(ByteBuf data, List<Run> absent) {}
