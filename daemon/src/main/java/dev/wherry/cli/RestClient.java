package dev.wherry.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.wherry.nbd.NbdTls;
import io.netty.handler.ssl.JdkSslContext;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.ConnectException;
import java.net.HttpURLConnection;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import javax.net.ssl.HttpsURLConnection;
import org.jspecify.annotations.Nullable;

/**
 * The daemon's REST. HttpURLConnection: it is there at once, where the newer client first reads the
 * host's certificates, also for plain HTTP.
 */
final class RestClient {
  private static final JsonMapper MAPPER = new JsonMapper();
  private static final int CONNECT_MILLIS = 10_000;

  /** Longer than the daemon takes for anything that it answers at the end. */
  private static final int READ_MILLIS = 150_000;

  private final String base;
  private final @Nullable String token;
  private final @Nullable Path tlsDir;

  private RestClient(String base, @Nullable String token, @Nullable Path tlsDir) {
    this.base = base;
    this.token = token;
    this.tlsDir = tlsDir;
  }

  /**
   * A client.
   *
   * @param url with or without scheme
   */
  static RestClient of(String url, @Nullable Path tokenFile, @Nullable Path tlsDir) {
    String full = url.contains("://") ? url : "http://" + url;
    URI uri;
    try {
      uri = new URI(full);
    } catch (URISyntaxException e) {
      throw new CliException("api '" + url + "' is not a URL");
    }
    if (uri.getHost() == null
        || !("http".equals(uri.getScheme()) || "https".equals(uri.getScheme()))) {
      throw new CliException("api '" + url + "' is not an http or https URL");
    }
    String token = null;
    if (tokenFile != null) {
      try {
        token = Files.readString(tokenFile).trim();
      } catch (IOException e) {
        throw new CliException("token file " + tokenFile + " cannot be read");
      }
    }
    return new RestClient(full.replaceAll("/+$", ""), token, tlsDir);
  }

  /** True if the daemon is on this host. */
  boolean isLocal() {
    String host = URI.create(base).getHost();
    return host.equals("localhost") || host.startsWith("127.") || host.equals("[::1]");
  }

  static com.fasterxml.jackson.databind.node.ObjectNode object() {
    return MAPPER.createObjectNode();
  }

  /**
   * Asks.
   *
   * @param path from the root, such as {@code /volumes/a}
   * @param body null for none
   * @return what it answered; missing where that was nothing
   * @throws CliException with the daemon's reason if it refused
   */
  JsonNode call(String method, String path, @Nullable JsonNode body) {
    try {
      HttpURLConnection c = open(method, path);
      if (body != null) {
        c.setDoOutput(true);
        c.setRequestProperty("Content-Type", "application/json");
        try (OutputStream out = c.getOutputStream()) {
          out.write(MAPPER.writeValueAsBytes(body));
        }
      }
      int status = c.getResponseCode();
      byte[] answer = read(status >= 400 ? c.getErrorStream() : c.getInputStream());
      if (status >= 400) {
        throw new CliException(reason(status, answer));
      }
      return answer.length == 0 ? MAPPER.missingNode() : MAPPER.readTree(answer);
    } catch (JsonProcessingException e) {
      throw new CliException("the answer of " + base + " is not JSON");
    } catch (ConnectException | UnknownHostException | SocketTimeoutException e) {
      throw new CliException("the daemon at " + base + " cannot be reached: " + e.getMessage());
    } catch (IOException e) {
      throw new CliException("talking to the daemon at " + base + " failed: " + e.getMessage());
    }
  }

  private HttpURLConnection open(String method, String path) throws IOException {
    HttpURLConnection c =
        (HttpURLConnection) URI.create(base + "/api/v1" + path).toURL().openConnection();
    c.setRequestMethod(method);
    c.setConnectTimeout(CONNECT_MILLIS);
    c.setReadTimeout(READ_MILLIS);
    c.setRequestProperty("Accept", "application/json");
    if (token != null) {
      c.setRequestProperty("Authorization", "Bearer " + token);
    }
    if (tlsDir != null && c instanceof HttpsURLConnection https) {
      try {
        https.setSSLSocketFactory(
            ((JdkSslContext) NbdTls.client(tlsDir, true)).context().getSocketFactory());
      } catch (IllegalArgumentException e) {
        throw new CliException("tls-dir: " + e.getMessage());
      }
    }
    return c;
  }

  private static byte[] read(@Nullable InputStream in) throws IOException {
    if (in == null) {
      return new byte[0];
    }
    try (in) {
      return in.readAllBytes();
    }
  }

  private static String reason(int status, byte[] answer) {
    try {
      JsonNode detail = MAPPER.readTree(answer).path("detail");
      if (detail.isTextual()) {
        return detail.textValue();
      }
    } catch (IOException e) {
      // Not one of our problems: its text has to do.
      return "status " + status + ": " + new String(answer, StandardCharsets.UTF_8).strip();
    }
    return "status " + status;
  }
}
