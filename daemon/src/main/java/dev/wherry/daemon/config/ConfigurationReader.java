package dev.wherry.daemon.config;

import dev.wherry.daemon.config.Configuration.Io;
import dev.wherry.daemon.config.Configuration.LogFormat;
import dev.wherry.daemon.config.Configuration.LogLevel;
import dev.wherry.daemon.config.Configuration.Tls;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Turns the texts of the settings into a checked {@link Configuration}. */
public final class ConfigurationReader {
  /** The most bytes in the path of a unix socket on Linux, without the closing zero. */
  public static final int SOCKET_PATH_BYTES = 107;

  private final SettingValues values;

  private ConfigurationReader(SettingValues values) {
    this.values = values;
  }

  /**
   * Reads the configuration.
   *
   * @param options what the command line gave; a switch as {@code true}
   * @param environment the process's environment
   * @param file the YAML file, or null for none
   * @throws ConfigurationException for anything that cannot be used
   */
  public static Configuration read(
      Map<Setting, String> options, Map<String, String> environment, @Nullable Path file) {
    return new ConfigurationReader(SettingValues.of(options, environment, file)).build();
  }

  private Configuration build() {
    Path data = path(Setting.DATA, values.get(Setting.DATA, "/var/lib/wherry"));
    HostPort nbd = hostPort(Setting.NBD, "127.0.0.1:10809");
    HostPort api = hostPort(Setting.API, "127.0.0.1:8009");
    HostPort link = hostPort(Setting.LINK, "127.0.0.1:8010");
    Tls tls = oneOf(Setting.TLS, Tls.class, Tls.OFF);
    boolean insecure = flag(Setting.INSECURE, false);
    boolean apiTls = apiTls(api, tls);
    Path tlsDir = tlsDir(tls != Tls.OFF || apiTls);
    String token = token();
    Exposure.check(nbd, api, link, tls, apiTls, token != null, insecure);
    return new Configuration(
        node(),
        data,
        nbd,
        socket(data),
        api,
        link,
        oneOf(Setting.IO, Io.class, Io.AUTO),
        tls,
        tlsDir,
        apiTls,
        token,
        insecure,
        Durations.parse(
            Setting.IO_TIMEOUT.key(),
            values.get(Setting.IO_TIMEOUT, "30s"),
            Duration.ofMillis(100)),
        number(Setting.CONNECTIONS, 1024, 1, 65536),
        Durations.parse(
            Setting.SLOW_REQUEST.key(), values.get(Setting.SLOW_REQUEST, "1s"), Duration.ZERO),
        oneOf(Setting.LOG_FORMAT, LogFormat.class, LogFormat.TEXT),
        oneOf(Setting.LOG_LEVEL, LogLevel.class, LogLevel.INFO),
        flag(Setting.REHEARSE, true));
  }

  private String node() {
    String name = values.get(Setting.NODE);
    if (name == null) {
      name = HostName.read();
    }
    if (!name.matches("[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")) {
      throw new ConfigurationException(
          Setting.NODE.key(),
          "'" + name + "' is not 1 to 64 of A-Z a-z 0-9 . _ -, starting with a letter or digit");
    }
    return name;
  }

  private HostPort hostPort(Setting setting, String fallback) {
    return HostPort.parse(setting.key(), values.get(setting, fallback));
  }

  private Path socket(Path data) {
    String given = values.get(Setting.NBD_UNIX);
    Path path = given == null ? data.resolve("nbd.sock") : path(Setting.NBD_UNIX, given);
    int bytes = path.toString().getBytes(StandardCharsets.UTF_8).length;
    if (bytes > SOCKET_PATH_BYTES) {
      throw new ConfigurationException(
          Setting.NBD_UNIX.key(),
          path + " has " + bytes + " bytes, a unix socket's path at most " + SOCKET_PATH_BYTES);
    }
    return path;
  }

  private @Nullable Path tlsDir(boolean needed) {
    String given = values.get(Setting.TLS_DIR);
    if (given == null) {
      if (needed) {
        throw new ConfigurationException(Setting.TLS_DIR.key(), "is needed where tls is not off");
      }
      return null;
    }
    Path dir = path(Setting.TLS_DIR, given);
    if (needed) {
      for (String name : new String[] {"ca-cert.pem", "server-cert.pem", "server-key.pem"}) {
        if (!Files.isReadable(dir.resolve(name))) {
          throw new ConfigurationException(
              Setting.TLS_DIR.key(), dir.resolve(name) + " is missing or cannot be read");
        }
      }
    }
    return dir;
  }

  private boolean apiTls(HostPort api, Tls tls) {
    return switch (values.get(Setting.API_TLS, "auto").toLowerCase(Locale.ROOT)) {
      case "auto" -> tls != Tls.OFF && !api.isLoopback();
      case "on" -> true;
      case "off" -> false;
      default -> throw notOneOf(Setting.API_TLS, "auto, on, off");
    };
  }

  private @Nullable String token() {
    String given = values.get(Setting.API_TOKEN_FILE);
    if (given == null) {
      return null;
    }
    Path file = path(Setting.API_TOKEN_FILE, given);
    String token;
    try {
      token = Files.readString(file).trim();
    } catch (IOException e) {
      throw new ConfigurationException(Setting.API_TOKEN_FILE.key(), file + " cannot be read");
    }
    if (!token.matches("[\\x21-\\x7e]{1,4096}")) {
      throw new ConfigurationException(
          Setting.API_TOKEN_FILE.key(), file + " does not hold one word of 1 to 4096 characters");
    }
    return token;
  }

  private boolean flag(Setting setting, boolean fallback) {
    return switch (values.get(setting, Boolean.toString(fallback)).toLowerCase(Locale.ROOT)) {
      case "true", "yes", "on", "1" -> true;
      case "false", "no", "off", "0" -> false;
      default -> throw notOneOf(setting, "true, false");
    };
  }

  private int number(Setting setting, int fallback, int least, int most) {
    String text = values.get(setting, Integer.toString(fallback));
    int n = text.matches("[0-9]{1,9}") ? Integer.parseInt(text) : -1;
    if (n < least || n > most) {
      throw new ConfigurationException(
          setting.key(), "'" + text + "' is not a number from " + least + " to " + most);
    }
    return n;
  }

  private <E extends Enum<E>> E oneOf(Setting setting, Class<E> type, E fallback) {
    String text = values.get(setting, fallback.name());
    for (E e : type.getEnumConstants()) {
      if (e.name().equalsIgnoreCase(text)) {
        return e;
      }
    }
    throw notOneOf(
        setting,
        Arrays.stream(type.getEnumConstants())
            .map(e -> e.name().toLowerCase(Locale.ROOT))
            .collect(Collectors.joining(", ")));
  }

  private ConfigurationException notOneOf(Setting setting, String choices) {
    return new ConfigurationException(
        setting.key(), "'" + values.get(setting) + "' is not one of " + choices);
  }

  private static Path path(Setting setting, String text) {
    if (text.isEmpty()) {
      throw new ConfigurationException(setting.key(), "the path is empty");
    }
    try {
      return Path.of(text).toAbsolutePath().normalize();
    } catch (InvalidPathException e) {
      throw new ConfigurationException(setting.key(), "'" + text + "' is not a path");
    }
  }
}
