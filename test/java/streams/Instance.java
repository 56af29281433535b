import java.io.BufferedReader;
import java.io.File;
import java.io.InputStreamReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Materialized;

/** One instance of an application in a process of its own, which can be killed. */
class Instance implements AutoCloseable {
  /** What they do, from the topic `in` to the topic `out`, by name. */
  static final Map<String, Topology> topologies = Map.of(
    "copy", (builder, in, out) -> builder.stream(in).to(out),
    "count", (builder, in, out) -> builder.<String, String>stream(in).groupByKey().count(Materialized.as("counts")).toStream().mapValues(String::valueOf).to(out),
    // Ends its process in the middle of a transaction: what it has written by then is neither committed nor aborted.
    "count and die", (builder, in, out) -> builder.<String, String>stream(in)
      .peek((key, value) -> {
        if (value.equals("die")) new Thread(() -> Runtime.getRuntime().halt(1)).start();
      })
      .groupByKey().count(Materialized.as("counts")).toStream().mapValues(String::valueOf).to(out)
  );

  interface Topology {
    void addTo(StreamsBuilder builder, String in, String out);
  }

  private final Process process;
  private final Path folder;
  private final CountDownLatch running = new CountDownLatch(1);

  Instance(Scene scene, String topology, Object... config) throws Exception {
    folder = Files.createTempDirectory("brokerlet-streams-");
    List<String> command = new ArrayList<>(List.of("java", "-XX:TieredStopAtLevel=1", "-Xmx128m", "-cp", System.getProperty("java.class.path")));
    command.addAll(List.of("Instance", scene.address, scene.protocol, scene.name, folder.toString(), topology));
    for (Object each : config) command.add(each.toString());
    process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    var output = new BufferedReader(new InputStreamReader(process.getInputStream()));
    new Thread(() -> output.lines().filter("RUNNING"::equals).forEach(line -> running.countDown())).start();
  }

  Instance untilRunning() throws Exception {
    if (!running.await(Scene.PATIENCE.toMillis(), TimeUnit.MILLISECONDS)) throw new AssertionError("never ran");
    return this;
  }

  /** Ends it as a crash does: it says nothing more to anybody. */
  void kill() throws Exception {
    process.destroyForcibly().waitFor();
  }

  void untilDead() throws Exception {
    Scene.check(process.waitFor(Scene.PATIENCE.toMillis(), TimeUnit.MILLISECONDS), "the end of a process");
  }

  @Override
  public void close() throws Exception {
    kill();
    try (var files = Files.walk(folder)) {
      files.sorted(Comparator.reverseOrder()).map(Path::toFile).forEach(File::delete);
    }
  }

  public static void main(String[] args) {
    String name = args[2];
    var config = new Properties();
    config.putAll(App.defaults(args[0], args[1], name, Path.of(args[3])));
    for (int i = 5; i < args.length; i += 2) config.put(args[i], args[i + 1]);
    var builder = new StreamsBuilder();
    topologies.get(args[4]).addTo(builder, name + "-in", name + "-out");
    var streams = new KafkaStreams(builder.build(config), config);
    streams.setStateListener((state, before) -> {
      if (state == KafkaStreams.State.RUNNING) System.out.println("RUNNING");
    });
    streams.start();
  }
}
