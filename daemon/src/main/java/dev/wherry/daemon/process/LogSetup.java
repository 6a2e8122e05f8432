package dev.wherry.daemon.process;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.encoder.JsonEncoder;
import ch.qos.logback.classic.encoder.PatternLayoutEncoder;
import ch.qos.logback.classic.spi.Configurator;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.ConsoleAppender;
import ch.qos.logback.core.encoder.Encoder;
import ch.qos.logback.core.spi.ContextAwareBase;
import dev.wherry.daemon.config.Configuration.LogFormat;
import dev.wherry.daemon.config.Configuration.LogLevel;
import org.slf4j.LoggerFactory;

/**
 * The log: on stderr, one line per event, as text or as JSON. Which volume and which connection an
 * event is about stands in its context, under {@code suid} and {@code connection}.
 *
 * <p>In code and not in XML, which would be parsed on the way to the ready line. Logback finds it
 * as a service and starts with text and INFO.
 */
public final class LogSetup extends ContextAwareBase implements Configurator {
  private static final String PATTERN =
      "%d{yyyy-MM-dd'T'HH:mm:ss.SSSXXX} %-5level %logger{0}"
          + "%replace( suid=%X{suid}){' suid=$', ''}"
          + "%replace( connection=%X{connection}){' connection=$', ''}"
          + " %msg%replace( %kvp){'^ $', ''}%n";

  @Override
  public ExecutionStatus configure(LoggerContext context) {
    apply(context, LogFormat.TEXT, LogLevel.INFO);
    return ExecutionStatus.DO_NOT_INVOKE_NEXT_IF_ANY;
  }

  /** Changes format and level of the running log. */
  public static void apply(LogFormat format, LogLevel level) {
    if (LoggerFactory.getILoggerFactory() instanceof LoggerContext context) {
      apply(context, format, level);
    }
  }

  private static void apply(LoggerContext context, LogFormat format, LogLevel level) {
    Encoder<ILoggingEvent> encoder = encoder(context, format);
    ConsoleAppender<ILoggingEvent> appender = new ConsoleAppender<>();
    appender.setContext(context);
    appender.setName("stderr");
    appender.setTarget("System.err");
    appender.setEncoder(encoder);
    appender.start();
    Logger root = context.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME);
    root.detachAndStopAllAppenders();
    root.setLevel(Level.toLevel(level.name()));
    root.addAppender(appender);
    if (context.getTurboFilterList().isEmpty()) {
      context.addTurboFilter(new QuietThreads.Silence());
    }
    // At DEBUG it tells of every probe for an optional class; nobody needs that.
    context.getLogger("io.netty").setLevel(Level.INFO);
    context.getLogger("io.micrometer").setLevel(Level.ERROR);
  }

  private static Encoder<ILoggingEvent> encoder(LoggerContext context, LogFormat format) {
    if (format == LogFormat.JSON) {
      JsonEncoder json = new JsonEncoder();
      json.setContext(context);
      json.setWithFormattedMessage(true);
      json.setWithMessage(false);
      json.setWithContext(false);
      json.start();
      return json;
    }
    PatternLayoutEncoder text = new PatternLayoutEncoder();
    text.setContext(context);
    text.setPattern(PATTERN);
    text.start();
    return text;
  }
}
