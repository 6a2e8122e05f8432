package dev.wherry.daemon.share;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.wherry.daemon.volume.Refusal;
import dev.wherry.path.ReadPolicies;
import dev.wherry.path.shared.ShareState;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What an owner offers to another node: the payload of {@link dev.wherry.path.link.Op#SHARE}, as
 * JSON. Fields that a later version adds are ignored.
 *
 * @param size of the volume in bytes
 * @param blockSize of the block map in bytes
 * @param readOnly hosts may not write
 * @param epoch of the ownership
 * @param read the read policy's label
 * @param write the write policy's label
 * @param ranges as {@link dev.wherry.path.shared.RangePolicy#label} has them
 * @param manual ownership is taken on demand alone
 * @param store an absolute path, {@link #NO_STORE}, or null for a sparse file
 * @param room bytes that the blocks take at the owner
 * @param allow who may attach
 * @param member the owner counts the node among those that have a part: only what it has released
 *     is made anew
 */
record ShareOffer(
    long size,
    int blockSize,
    boolean readOnly,
    long epoch,
    String read,
    String write,
    List<String> ranges,
    boolean manual,
    @Nullable String store,
    long room,
    List<String> allow,
    boolean member) {
  /** The node keeps no blocks. */
  static final String NO_STORE = "none";

  private static final JsonMapper MAPPER =
      JsonMapper.builder()
          .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
          .enable(DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES)
          .build();

  /** The terms, checked against the volume and the policies of this node. */
  ShareTerms terms(ReadPolicies known) {
    return ShareTerms.DEFAULT
        .withRead(read, known)
        .withWrite(write)
        .withRanges(ranges, size, blockSize, known)
        .withHandover(manual ? "manual" : "auto");
  }

  boolean keepsBlocks() {
    return !NO_STORE.equals(store);
  }

  /** Whether a part that is there already is what this offer would make. */
  boolean matches(ShareState there, long itsSize, int itsBlockSize) {
    return size == itsSize && blockSize == itsBlockSize && keepsBlocks() == there.hasStore();
  }

  ByteBuf toPayload() {
    try {
      return Unpooled.wrappedBuffer(MAPPER.writeValueAsBytes(this));
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  static ShareOffer of(byte[] payload) {
    try {
      ShareOffer offer = MAPPER.readValue(payload, ShareOffer.class);
      if (offer.size <= 0 || offer.blockSize <= 0 || offer.epoch <= 0 || offer.room < 0) {
        throw Refusal.malformed("the offer has numbers that no volume has");
      }
      return offer;
    } catch (IOException e) {
      throw Refusal.malformed("the offer cannot be read: " + e.getMessage());
    }
  }
}
