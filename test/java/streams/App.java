import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.CloseOptions;
import org.apache.kafka.streams.CloseOptions.GroupMembershipOperation;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;

/** One instance of an application, in this process. */
class App implements AutoCloseable {
  final KafkaStreams streams;
  /** What its threads have failed with; each failure ends the instance. */
  final List<Throwable> errors = new CopyOnWriteArrayList<>();
  private final Path folder;

  App(Scene scene, Consumer<StreamsBuilder> topology, Map<String, Object> more) throws Exception {
    folder = Files.createTempDirectory("brokerlet-streams-");
    var config = new Properties();
    config.putAll(defaults(scene.address, scene.protocol, scene.name, folder));
    config.putAll(more);
    var builder = new StreamsBuilder();
    topology.accept(builder);
    streams = new KafkaStreams(builder.build(config), new StreamsConfig(config));
    streams.setUncaughtExceptionHandler(error -> {
      errors.add(error);
      return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
    });
  }

  /** Those of all instances, also in another process: quick, and all else as by default. */
  static Map<String, Object> defaults(String address, String protocol, String applicationId, Path folder) {
    Map<String, Object> all = new HashMap<>();
    all.put("bootstrap.servers", address);
    all.put("application.id", applicationId);
    all.put("state.dir", folder.toString());
    all.put("default.key.serde", Serdes.StringSerde.class);
    all.put("default.value.serde", Serdes.StringSerde.class);
    all.put("default.dsl.store", "in_memory");
    all.put("statestore.cache.max.bytes", 0);
    all.put("commit.interval.ms", 100);
    all.put("poll.ms", 20);
    all.put("retry.backoff.ms", 20);
    all.put("metadata.max.age.ms", 500);
    all.put("main.consumer.auto.offset.reset", "earliest");
    all.put("group.protocol", protocol);
    if (protocol.equals("classic")) {
      all.put("heartbeat.interval.ms", 100);
      all.put("session.timeout.ms", 2000);
    }
    // What another one has left open is over soon.
    all.put("producer.transaction.timeout.ms", 2000);
    return all;
  }

  App start() throws Exception {
    streams.start();
    return untilRunning();
  }

  App untilRunning() throws Exception {
    Scene.until("a running instance", () -> {
      if (!errors.isEmpty()) throw new AssertionError("failed to start", errors.get(0));
      return streams.state() == KafkaStreams.State.RUNNING;
    });
    return this;
  }

  /** The tasks that it works on, such as `0_1`, sorted. */
  Set<String> tasks() {
    return streams.metadataForLocalThreads().stream().flatMap(each -> each.activeTasks().stream()).map(each -> each.taskId().toString()).collect(Collectors.toCollection(TreeSet::new));
  }

  Set<String> standbys() {
    return streams.metadataForLocalThreads().stream().flatMap(each -> each.standbyTasks().stream()).map(each -> each.taskId().toString()).collect(Collectors.toCollection(TreeSet::new));
  }

  /** Until it has these and no others, and works on them. */
  void untilTasks(String... tasks) throws Exception {
    Scene.until("tasks " + List.of(tasks) + " of " + this, () -> streams.state() == KafkaStreams.State.RUNNING && tasks().equals(Set.of(tasks)));
  }

  /** Leaves its group, and its state is gone. */
  void wipe() {
    leave();
    streams.cleanUp();
  }

  /** Closes, and leaves its group. By default Streams does not, and its place is kept until its session is over. */
  void leave() {
    streams.close(CloseOptions.groupMembershipOperation(GroupMembershipOperation.LEAVE_GROUP).withTimeout(Duration.ofSeconds(10)));
  }

  @Override
  public String toString() {
    return "an instance that is " + streams.state() + " with " + tasks() + " and " + standbys();
  }

  @Override
  public void close() throws Exception {
    streams.close(Duration.ofSeconds(5));
    if (!Files.exists(folder)) return;
    try (var files = Files.walk(folder)) {
      files.sorted(Comparator.reverseOrder()).map(Path::toFile).forEach(File::delete);
    }
  }
}
