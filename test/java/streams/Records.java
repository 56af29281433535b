import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.streams.errors.LogAndContinueExceptionHandler;
import org.apache.kafka.streams.kstream.Branched;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Named;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.ContextualProcessor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;

/** What is done to each record by itself. */
class Records {
  static void addTo(Map<String, Scenarios.Scenario<Scene>> scenarios) {
    scenarios.put("records are filtered and mapped, in their order", scene -> {
      String in = scene.topic("in", 1);
      String out = scene.topic("out", 1);
      scene.send(in, "a=1", "b=2", "c=3", "none", "d=");
      scene.started(builder -> builder.<String, String>stream(in).filter((key, value) -> !"b".equals(key)).mapValues(value -> value == null ? "nothing" : value + value).to(out));
      scene.expect(out, "a=11", "c=33", "nonenone", "d=nothing");
      Scene.until("a commit", () -> scene.committed(in, 0) == 5);
    });

    scenarios.put("timestamps and headers go along", scene -> {
      String in = scene.topic("in", 1);
      String out = scene.topic("out", 1);
      try (var producer = new KafkaProducer<>(scene.config(Map.of()), new StringSerializer(), new StringSerializer())) {
        var headers = new RecordHeaders().add("trace", new byte[] {1, 2});
        producer.send(new ProducerRecord<>(in, 0, 1_600_000_000_000L, "a", "1", headers)).get();
      }
      scene.started(builder -> builder.stream(in).to(out));
      var record = scene.settled(out, "read_uncommitted", 1).get(0);
      Scene.equal(1_600_000_000_000L, record.timestamp(), "timestamp");
      Scene.equal(List.of((byte) 1, (byte) 2), List.of(record.headers().lastHeader("trace").value()[0], record.headers().lastHeader("trace").value()[1]), "header");
    });

    scenarios.put("branches part, and merge", scene -> {
      String in = scene.topic("in", 1);
      String even = scene.topic("even", 1);
      String all = scene.topic("all", 1);
      scene.started(builder -> {
        var branches = builder.<String, String>stream(in).split(Named.as("b-"))
          .branch((key, value) -> Integer.parseInt(value) % 2 == 0, Branched.as("even"))
          .defaultBranch(Branched.as("odd"));
        branches.get("b-even").to(even);
        branches.get("b-even").merge(branches.get("b-odd").mapValues(value -> "odd " + value)).to(all);
      });
      scene.send(in, "1", "2", "3", "4");
      scene.expect(even, "2", "4");
      scene.expectSorted(all, List.of("2", "4", "odd 1", "odd 3"));
    });

    scenarios.put("several topics are one stream, and records go where they say", scene -> {
      String first = scene.topic("first", 2);
      String second = scene.topic("second", 3);
      String a = scene.topic("a", 1);
      String b = scene.topic("b", 1);
      scene.started(builder -> builder.<String, String>stream(List.of(first, second)).to((key, value, context) -> scene.name + "-" + key));
      scene.send(first, "a=1", "b=2");
      scene.send(second, "a=3");
      scene.expectSorted(a, List.of("a=1", "a=3"));
      scene.expect(b, "b=2");
    });

    scenarios.put("partitions that come later are read by tasks of their own", scene -> {
      String in = scene.topic("in", 1);
      String out = scene.topic("out", 1);
      var app = scene.started(builder -> builder.stream(in).to(out));
      scene.send(in, "a=1");
      scene.expect(out, "a=1");
      Scene.done(scene.admin.createPartitions(Map.of(in, org.apache.kafka.clients.admin.NewPartitions.increaseTo(2))).all());
      app.untilTasks("0_0", "0_1");
      scene.sendTo(in, 1, "b=2");
      scene.expectLast(out, "a=1", "b=2");
    });

    scenarios.put("what was committed is not read again", scene -> {
      String in = scene.topic("in", 2);
      String out = scene.topic("out", 1);
      scene.send(in, "a=1", "b=2", "c=3");
      var first = scene.started(builder -> builder.stream(in).to(out));
      scene.expectSorted(out, List.of("a=1", "b=2", "c=3"));
      first.close();
      scene.send(in, "d=4");
      scene.started(builder -> builder.stream(in).to(out));
      scene.expectSorted(out, List.of("a=1", "b=2", "c=3", "d=4"));
    });

    scenarios.put("stream time is committed, and known to the next instance", scene -> {
      String in = scene.topic("in", 1);
      scene.sendAt(in, 5000, "a=1");
      var first = scene.started(builder -> builder.stream(in).foreach((key, value) -> {}));
      Scene.until("a commit", () -> scene.committed(in, 0) == 1);
      first.leave();
      var metadata = scene.committed().values().iterator().next().metadata();
      Scene.check(!metadata.isEmpty(), "metadata of what is committed");
      scene.started(builder -> builder.stream(in).foreach((key, value) -> {}));
      scene.sendAt(in, 1000, "a=2");
      Scene.until("a commit", () -> scene.committed(in, 0) == 2);
      Scene.equal(metadata, scene.committed().values().iterator().next().metadata(), "metadata");
    });

    scenarios.put("what cannot be read is left out where the application says so, and ends it otherwise", scene -> {
      String in = scene.topic("in", 1);
      String out = scene.topic("out", 1);
      scene.send(in, "a=no number");
      var strict = scene.app(builder -> builder.stream(in, Consumed.with(Serdes.String(), Serdes.Integer())).mapValues(String::valueOf).to(out));
      strict.streams.start();
      Scene.until("an error", () -> !strict.errors.isEmpty());
      strict.leave();
      scene.started(builder -> builder.stream(in, Consumed.with(Serdes.String(), Serdes.Integer())).mapValues(String::valueOf).to(out), "deserialization.exception.handler", LogAndContinueExceptionHandler.class);
      Scene.until("a commit", () -> scene.committed(in, 0) == 1);
      scene.expect(out);
    });

    scenarios.put("a dead letter goes to its topic", scene -> {
      String in = scene.topic("in", 1);
      String dead = scene.topic("dead", 1);
      scene.send(in, "a=no number");
      scene.started(builder -> builder.stream(in, Consumed.with(Serdes.String(), Serdes.Integer())).foreach((key, value) -> {}), "deserialization.exception.handler", LogAndContinueExceptionHandler.class, "errors.dead.letter.queue.topic.name", dead);
      scene.expect(dead, "a=no number");
    });

    scenarios.put("a processor is called by time, and hears where its record was", scene -> {
      String in = scene.topic("in", 1);
      String out = scene.topic("out", 1);
      class Clock extends ContextualProcessor<String, String, String, String> {
        @Override
        public void init(ProcessorContext<String, String> context) {
          super.init(context);
          context.schedule(Duration.ofMillis(100), PunctuationType.STREAM_TIME, now -> context.forward(new Record<>("stream", String.valueOf(now), now)));
        }

        @Override
        public void process(Record<String, String> record) {
          var at = context().recordMetadata().get();
          context().forward(record.withValue(at.partition() + "@" + at.offset()));
        }
      }
      scene.started(builder -> builder.<String, String>stream(in).process(Clock::new).to(out));
      scene.sendAt(in, 1000, "a=1");
      scene.sendAt(in, 1250, "b=2");
      scene.expect(out, "a=0@0", "stream=1000", "b=0@1", "stream=1250");
    });

    scenarios.put("an instance that is paused reads nothing", scene -> {
      String in = scene.topic("in", 1);
      String out = scene.topic("out", 1);
      var app = scene.started(builder -> builder.stream(in).to(out));
      app.streams.pause();
      scene.send(in, "a=1");
      scene.expect(out);
      app.streams.resume();
      scene.expect(out, "a=1");
    });

    scenarios.put("thousands of records keep their order by key", scene -> {
      String in = scene.topic("in", 3);
      String out = scene.topic("out", 3);
      int count = 6000;
      try (var producer = new KafkaProducer<>(scene.config(Map.of("linger.ms", 5, "compression.type", "lz4")), new StringSerializer(), new StringSerializer())) {
        for (int i = 0; i < count; i++) producer.send(new ProducerRecord<>(in, "k" + i % 20, String.valueOf(i)));
        producer.flush();
      }
      scene.started(builder -> builder.stream(in).to(out), "num.stream.threads", 2, "producer.compression.type", "zstd");
      var read = scene.settled(out, "read_uncommitted", count);
      Scene.equal(count, read.size(), "records");
      Map<String, Integer> last = new java.util.HashMap<>();
      for (var record : read) {
        int value = Integer.parseInt(record.value());
        Scene.check(last.getOrDefault(record.key(), -1) < value, "order of " + record.key());
        last.put(record.key(), value);
      }
    });
  }
}
