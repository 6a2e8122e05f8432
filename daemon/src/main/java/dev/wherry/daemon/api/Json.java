package dev.wherry.daemon.api;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.wherry.daemon.volume.Refusal;
import java.io.IOException;

/** JSON in and out; what comes in is read strictly. */
final class Json {
  private static final JsonMapper MAPPER =
      JsonMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  private Json() {}

  static byte[] write(Object value) {
    try {
      return MAPPER.writeValueAsBytes(value);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  /** The object that a body holds; an empty body is an empty object. */
  static ObjectNode readObject(byte[] body) {
    if (body.length == 0) {
      return MAPPER.createObjectNode();
    }
    JsonNode node;
    try {
      node = MAPPER.readTree(body);
    } catch (JsonProcessingException e) {
      throw new Refusal(
          Refusal.Kind.MALFORMED,
          "the body is not JSON: "
              + e.getOriginalMessage()
                  .lines()
                  .findFirst()
                  .orElse("")
                  // Words of the parser about its own settings.
                  .replaceAll("\\[Source: [^;\\]]*; ([^\\]]*)\\]", "$1"));
    } catch (IOException e) {
      throw new Refusal(Refusal.Kind.MALFORMED, "the body is not JSON: " + e);
    }
    if (node instanceof ObjectNode object) {
      return object;
    }
    throw new Refusal(Refusal.Kind.MALFORMED, "the body is not a JSON object");
  }
}
