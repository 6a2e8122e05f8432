package dev.wherry.nbd.server;

import static dev.wherry.nbd.Wire.INFO_DESCRIPTION;
import static dev.wherry.nbd.Wire.INFO_NAME;

import io.netty.buffer.ByteBuf;

/**
 * The data of INFO and GO. What must be told is told whether it was asked for or not.
 *
 * @param export the export's name
 * @param name whether its canonical name is wanted
 * @param description whether its description is
 */
record InfoQuery(String export, boolean name, boolean description) {
  /**
   * Reads it.
   *
   * @throws IllegalArgumentException if it is malformed; says how
   */
  static InfoQuery parse(ByteBuf data) {
    String export = MetaContextQuery.string(data);
    if (export == null || data.readableBytes() < 2) {
      throw new IllegalArgumentException("malformed request for an export");
    }
    int count = data.readUnsignedShort();
    if (data.readableBytes() != 2 * count) {
      throw new IllegalArgumentException(
          count + " information requests in " + data.readableBytes() + " bytes");
    }
    boolean name = false;
    boolean description = false;
    for (int i = 0; i < count; i++) {
      int type = data.readUnsignedShort();
      name |= type == INFO_NAME;
      description |= type == INFO_DESCRIPTION;
    }
    return new InfoQuery(export, name, description);
  }
}
