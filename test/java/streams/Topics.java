import java.util.List;
import java.util.Map;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.errors.MissingSourceTopicException;
import org.apache.kafka.streams.errors.StreamsException;
import org.apache.kafka.streams.errors.TopologyException;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.KTable;
import org.apache.kafka.streams.kstream.Repartitioned;

/** Topics that are not as an application needs them. */
class Topics {
  static void addTo(Map<String, Scenarios.Scenario<Scene>> scenarios) {
    scenarios.put("a source topic that is missing ends the application", scene -> {
      String out = scene.topic("out", 1);
      var app = scene.app(builder -> builder.stream(scene.name + "-missing").to(out));
      app.streams.start();
      Scene.until("an error", () -> !app.errors.isEmpty());
      Scene.check(app.errors.get(0) instanceof MissingSourceTopicException, "a missing source topic, received " + app.errors.get(0));
      Scene.until("the end", () -> app.streams.state() == KafkaStreams.State.ERROR);
    });

    scenarios.put("a source topic that is deleted ends the application", scene -> {
      String in = scene.topic("in", 1);
      String out = scene.topic("out", 1);
      var app = scene.started(builder -> builder.stream(in).to(out));
      scene.send(in, "a=1");
      scene.expect(out, "a=1");
      Scene.done(scene.admin.deleteTopics(List.of(in)).all());
      Scene.until("an error", () -> !app.errors.isEmpty());
      Scene.check(app.errors.get(0) instanceof MissingSourceTopicException, "a missing source topic, received " + app.errors.get(0));
    });

    scenarios.put("streams whose topics are parted in other ways do not join", scene -> {
      String left = scene.topic("left", 2);
      String right = scene.topic("right", 3);
      String out = scene.topic("out", 1);
      var app = scene.app(builder -> {
        KStream<String, String> a = builder.<String, String>stream(left).repartition(Repartitioned.<String, String>as("four").withNumberOfPartitions(4));
        KTable<String, String> b = builder.table(right);
        a.join(b, (x, y) -> x + y).to(out);
      });
      app.streams.start();
      Scene.until("an error", () -> !app.errors.isEmpty());
      Scene.check(causes(app.errors.get(0), TopologyException.class), "a topology that cannot be, received " + app.errors.get(0));
    });

    scenarios.put("an internal topic that is parted in another way is refused", scene -> {
      String in = scene.topic("in", 2);
      String out = scene.topic("out", 1);
      scene.topic("counts-changelog", 3, Map.of("cleanup.policy", "compact"));
      var app = scene.app(Tables.counting(in, out));
      app.streams.start();
      Scene.until("an error", () -> !app.errors.isEmpty());
      Scene.check(causes(app.errors.get(0), StreamsException.class), "an error of Streams, received " + app.errors.get(0));
    });

    scenarios.put("a topic to write to that comes later is written to, then", scene -> {
      String in = scene.topic("in", 1);
      scene.send(in, "a=1");
      scene.app(builder -> builder.stream(in).to(scene.name + "-out"), "producer.max.block.ms", 500).streams.start();
      Thread.sleep(1000);
      Scene.equal(List.of("in"), scene.topics(), "topics");
      scene.expectLast(scene.topic("out", 1), "a=1");
      Scene.until("a commit", () -> scene.committed(in, 0) == 1);
    });

    scenarios.put("a record that is too large is an error, and nothing is committed past it", scene -> {
      String in = scene.topic("in", 1);
      String out = scene.topic("out", 1, Map.of("max.message.bytes", "20000"));
      scene.send(in, "a=1", "b=" + "x".repeat(30_000));
      var app = scene.app(builder -> builder.stream(in).to(out));
      app.streams.start();
      Scene.until("an error", () -> !app.errors.isEmpty());
      Scene.until("the end", () -> app.streams.state() == KafkaStreams.State.ERROR);
      Scene.check(scene.committed(in, 0) < 2, "nothing committed past it, received " + scene.committed(in, 0));
    });
  }

  static boolean causes(Throwable error, Class<? extends Throwable> kind) {
    for (Throwable each = error; each != null; each = each.getCause()) if (kind.isInstance(each)) return true;
    return false;
  }
}
