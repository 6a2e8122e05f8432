package dev.wherry.daemon.api;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.wherry.daemon.volume.Refusal;
import io.vertx.ext.web.RoutingContext;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The fields of a request's body. A field of another type than it should have, or one that is not
 * known, is refused; null is the same as not given.
 */
final class Body {
  private final ObjectNode object;

  /**
   * @param fields all that may be there
   */
  Body(byte[] body, Set<String> fields) {
    this(Json.readObject(body));
    object
        .fieldNames()
        .forEachRemaining(
            name -> {
              if (!fields.contains(name)) {
                throw malformed(
                    "field '"
                        + name
                        + "' is unknown; "
                        + (fields.isEmpty()
                            ? "there are none here"
                            : "there are: "
                                + String.join(", ", fields.stream().sorted().toList())));
              }
            });
  }

  private Body(ObjectNode object) {
    this.object = object;
  }

  /** The bytes of a request's body; none where there is no body. */
  static byte[] bytes(RoutingContext r) {
    return r.body().buffer() == null ? new byte[0] : r.body().buffer().getBytes();
  }

  String text(String field) {
    String value = text(field, null);
    if (value == null) {
      throw malformed("field '" + field + "' is missing");
    }
    return value;
  }

  @Nullable String text(String field, @Nullable String fallback) {
    JsonNode n = get(field);
    if (n == null) {
      return fallback;
    }
    if (!n.isTextual()) {
      throw malformed("field '" + field + "' is not a string");
    }
    return n.textValue();
  }

  @Nullable Long number(String field) {
    JsonNode n = get(field);
    if (n == null) {
      return null;
    }
    if (!n.isIntegralNumber()) {
      throw malformed("field '" + field + "' is not a whole number");
    }
    if (!n.canConvertToLong()) {
      throw malformed("field '" + field + "' is " + n + ", more than " + Long.MAX_VALUE);
    }
    return n.longValue();
  }

  boolean flag(String field) {
    JsonNode n = get(field);
    if (n == null) {
      return false;
    }
    if (!n.isBoolean()) {
      throw malformed("field '" + field + "' is not true or false");
    }
    return n.booleanValue();
  }

  /** An array of strings; a single string does as well. */
  List<String> texts(String field) {
    JsonNode n = get(field);
    if (n == null) {
      return List.of();
    }
    if (n.isTextual()) {
      return List.of(n.textValue());
    }
    List<String> found = new ArrayList<>();
    if (!n.isArray()) {
      throw malformed("field '" + field + "' is not an array of strings");
    }
    for (JsonNode e : n) {
      if (!e.isTextual()) {
        throw malformed("field '" + field + "' is not an array of strings");
      }
      found.add(e.textValue());
    }
    return found;
  }

  /** An object whose values are strings. */
  Map<String, String> map(String field) {
    JsonNode n = get(field);
    if (n == null) {
      return Map.of();
    }
    if (!n.isObject()) {
      throw malformed("field '" + field + "' is not an object");
    }
    Map<String, String> found = new LinkedHashMap<>();
    for (Map.Entry<String, JsonNode> e : n.properties()) {
      if (!e.getValue().isTextual()) {
        throw malformed("field '" + field + "." + e.getKey() + "' is not a string");
      }
      found.put(e.getKey(), e.getValue().textValue());
    }
    return found;
  }

  /** A body whose fields all are strings, or arrays of strings, which are joined by commas. */
  static Map<String, String> textsByName(byte[] bytes) {
    ObjectNode object = Json.readObject(bytes);
    Map<String, String> found = new LinkedHashMap<>();
    for (Map.Entry<String, JsonNode> e : object.properties()) {
      found.put(e.getKey(), String.join(",", new Body(object).texts(e.getKey())));
    }
    return found;
  }

  private @Nullable JsonNode get(String field) {
    JsonNode n = object.get(field);
    return n == null || n.isNull() ? null : n;
  }

  private static Refusal malformed(String message) {
    return new Refusal(Refusal.Kind.MALFORMED, message);
  }
}
