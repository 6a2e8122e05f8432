package dev.wherry.cli;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.awaitility.Awaitility;

/** Runs the launchers and other programs as an operator would, each bounded in time. */
final class Programs {
  /** What a program did. */
  record Result(int code, String out, String err) {
    Result mustSucceed() {
      assertTrue(code == 0, "exit " + code + ": " + out + err);
      return this;
    }
  }

  /** A daemon. */
  record Wherryd(Process process, String readyLine, Path err) {
    String address(String which) {
      Matcher m = Pattern.compile(which + "=(\\S+)").matcher(readyLine);
      assertTrue(m.find(), readyLine);
      return m.group(1);
    }

    int terminate() throws InterruptedException {
      process.destroy();
      assertTrue(process.waitFor(60, TimeUnit.SECONDS), "SIGTERM takes too long");
      return process.exitValue();
    }

    void kill() throws InterruptedException {
      process.destroyForcibly();
      assertTrue(process.waitFor(30, TimeUnit.SECONDS));
    }
  }

  static final Path HOME = Path.of("..").toAbsolutePath().normalize();
  private static final Pattern READY =
      Pattern.compile("wherryd ready node=\\S+ nbd=\\S+:\\d+ api=\\S+:\\d+ link=\\S+:\\d+");

  private final Path dir;
  private final List<Process> started = new ArrayList<>();
  private int count;

  /**
   * @param dir for outputs
   */
  Programs(Path dir) {
    this.dir = dir;
  }

  /** Starts a daemon on free ports and waits for its ready line. */
  Wherryd wherryd(Path data, String... more) throws IOException {
    List<String> command =
        new ArrayList<>(
            List.of(
                HOME + "/scripts/wherryd",
                "--data",
                data.toString(),
                "--nbd",
                "127.0.0.1:0",
                "--api",
                "127.0.0.1:0",
                "--link",
                "127.0.0.1:0"));
    command.addAll(List.of(more));
    Path out = dir.resolve("out" + ++count);
    Path err = dir.resolve("err" + count);
    Process p =
        new ProcessBuilder(command)
            .redirectOutput(out.toFile())
            .redirectError(err.toFile())
            .start();
    started.add(p);
    Awaitility.await()
        .atMost(60, TimeUnit.SECONDS)
        .until(() -> !p.isAlive() || Files.readString(out).endsWith("\n"));
    String line = Files.readString(out).strip();
    assertTrue(READY.matcher(line).matches(), line + Files.readString(err));
    return new Wherryd(p, line, err);
  }

  /** The CLI against a daemon. */
  Result wherry(Wherryd daemon, String... args) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of(HOME + "/scripts/wherry"));
    command.addAll(List.of(args));
    return run(Map.of("WHERRY_API", "http://" + daemon.address("api")), command);
  }

  Result run(String... command) throws IOException, InterruptedException {
    return run(Map.of(), List.of(command));
  }

  Result run(Map<String, String> environment, List<String> command)
      throws IOException, InterruptedException {
    Path out = dir.resolve("out" + ++count);
    Path err = dir.resolve("err" + count);
    ProcessBuilder b =
        new ProcessBuilder(command).redirectOutput(out.toFile()).redirectError(err.toFile());
    b.environment().putAll(environment);
    Process p = b.start();
    started.add(p);
    assertTrue(p.waitFor(120, TimeUnit.SECONDS), command + " takes too long");
    return new Result(p.exitValue(), Files.readString(out), Files.readString(err));
  }

  /** Ends what still runs. */
  void close() throws InterruptedException {
    for (Process p : started) {
      p.destroyForcibly();
      p.waitFor(10, TimeUnit.SECONDS);
    }
  }
}
