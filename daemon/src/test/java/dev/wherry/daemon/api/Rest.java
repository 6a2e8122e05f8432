package dev.wherry.daemon.api;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;

/** A client of REST for tests. */
final class Rest {
  /** An answer. */
  record Answer(int status, String type, String text) {
    JsonNode json() {
      try {
        return new JsonMapper().readTree(text);
      } catch (IOException e) {
        throw new AssertionError(text, e);
      }
    }
  }

  private final HttpClient client =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
  private final String base;

  Rest(String address) {
    this.base = "http://" + address;
  }

  /** The first line of the answer to what is sent as it is. */
  static String raw(String address, String request) {
    int colon = address.lastIndexOf(':');
    try (Socket s =
        new Socket(address.substring(0, colon), Integer.parseInt(address.substring(colon + 1)))) {
      s.setSoTimeout(60_000);
      s.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
      return String.valueOf(
          new BufferedReader(new InputStreamReader(s.getInputStream(), StandardCharsets.US_ASCII))
              .readLine());
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  Answer get(String path, String... headers) {
    return send("GET", path, null, headers);
  }

  Answer post(String path, String body, String... headers) {
    return send("POST", path, body, headers);
  }

  Answer delete(String path) {
    return send("DELETE", path, null);
  }

  Answer send(
      String method,
      String path,
      @org.jspecify.annotations.Nullable String body,
      String... headers) {
    HttpRequest.Builder r =
        HttpRequest.newBuilder(URI.create(base + path))
            .timeout(Duration.ofSeconds(150))
            .method(
                method,
                body == null
                    ? BodyPublishers.noBody()
                    : BodyPublishers.ofString(body.replace('\'', '"')));
    if (headers.length > 0) {
      r.headers(headers);
    }
    try {
      HttpResponse<String> a = client.send(r.build(), BodyHandlers.ofString());
      return new Answer(
          a.statusCode(), a.headers().firstValue("content-type").orElse(""), a.body());
    } catch (IOException e) {
      throw new AssertionError(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError(e);
    }
  }
}
