import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.IntStream;
import org.apache.kafka.streams.kstream.Materialized;

/** Applications that write in transactions. */
class ExactlyOnce {
  static final Object[] EXACTLY_ONCE = {"processing.guarantee", "exactly_once_v2"};

  static void addTo(Map<String, Scenarios.Scenario<Scene>> scenarios) {
    scenarios.put("what is written in transactions is read once they are committed", scene -> {
      String in = scene.topic("in", 2);
      String out = scene.topic("out", 1);
      scene.started(Tables.countingValues(in, out), EXACTLY_ONCE);
      scene.send(in, "1=x", "2=x", "3=y");
      scene.expectLast(out, "x=2", "y=1");
      Scene.until("a commit", () -> scene.committed(in, 0) + scene.committed(in, 1) >= 3);
    });

    scenarios.put("a crash in the middle doubles nothing, and loses nothing", scene -> {
      String in = scene.topic("in", 1);
      String out = scene.topic("out", 1);
      var dying = scene.process("count and die", "processing.guarantee", "exactly_once_v2", "commit.interval.ms", 300);
      scene.send(in, "a=x", "b=x");
      scene.expectLast(out, "a=1", "b=1");
      scene.send(in, "a=x", "a=die");
      dying.untilDead();
      scene.app(Tables.counting(in, out), EXACTLY_ONCE).streams.start();
      scene.send(in, "b=x");
      var read = scene.settled(out, "read_committed", 5);
      Scene.equal(List.of("a=1", "a=2", "a=3", "b=1", "b=2"), Scene.texts(read).stream().sorted().toList(), "committed records");
    });

    scenarios.put("an error in the middle aborts, and the table is as it was", scene -> {
      String in = scene.topic("in", 1);
      String out = scene.topic("out", 1);
      var failed = new AtomicBoolean();
      var first = scene.app(builder -> builder.<String, String>stream(in).groupByKey().count(Materialized.as("counts")).toStream().mapValues((key, count) -> {
        if (key.equals("bad") && failed.compareAndSet(false, true)) throw new IllegalStateException("once");
        return String.valueOf(count);
      }).to(out), "processing.guarantee", "exactly_once_v2", "commit.interval.ms", 1000);
      first.start();
      scene.send(in, "a=x");
      scene.expectLast(out, "a=1");
      scene.send(in, "a=x", "bad=x", "b=x");
      Scene.until("an error", () -> !first.errors.isEmpty());
      first.leave();
      scene.started(Tables.counting(in, out), EXACTLY_ONCE);
      var read = scene.settled(out, "read_committed", 4);
      Scene.equal(List.of("a=1", "a=2", "b=1", "bad=1"), Scene.texts(read).stream().sorted().toList(), "committed records");
    });

    scenarios.put("a thread that is replaced goes on", scene -> {
      String in = scene.topic("in", 2);
      String out = scene.topic("out", 1);
      var failed = new AtomicBoolean();
      var app = scene.app(builder -> builder.<String, String>stream(in).groupByKey().count(Materialized.as("counts")).toStream().mapValues((key, count) -> {
        if (key.equals("bad") && failed.compareAndSet(false, true)) throw new IllegalStateException("once");
        return String.valueOf(count);
      }).to(out), EXACTLY_ONCE);
      app.streams.setUncaughtExceptionHandler(error -> org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse.REPLACE_THREAD);
      app.start();
      scene.send(in, "a=x", "b=x", "bad=x", "c=x");
      scene.expectLast(out, "a=1", "b=1", "bad=1", "c=1");
      var read = scene.settled(out, "read_committed", 4);
      Scene.equal(4, read.size(), "records");
    });

    scenarios.put("instances come and go, and each record counts once", scene -> {
      String in = scene.topic("in", 4);
      String out = scene.topic("out", 1);
      var first = scene.started(Tables.counting(in, out), "processing.guarantee", "exactly_once_v2", "acceptable.recovery.lag", Long.MAX_VALUE);
      String[] records = Instances.numbers(0, 20).toArray(String[]::new);
      scene.send(in, records);
      var second = scene.started(Tables.counting(in, out), "processing.guarantee", "exactly_once_v2", "acceptable.recovery.lag", Long.MAX_VALUE);
      scene.send(in, records);
      Instances.untilShared(List.of(first, second), 4);
      scene.send(in, records);
      first.leave();
      scene.send(in, records);
      scene.expectLast(out, IntStream.range(0, 20).mapToObj(each -> "k" + each + "=4").toArray(String[]::new));
      Scene.equal(80, scene.settled(out, "read_committed", 80).size(), "records");
    });

    scenarios.put("a table that was written in transactions is restored from what is committed", scene -> {
      String in = scene.topic("in", 1);
      String out = scene.topic("out", 1);
      String next = scene.topic("next", 1);
      var first = scene.started(Tables.counting(in, out), EXACTLY_ONCE);
      for (int i = 0; i < 5; i++) {
        scene.send(in, "a=x", "b=x");
        Thread.sleep(120);
      }
      scene.expectLast(out, "a=5", "b=5");
      first.wipe();
      scene.started(Tables.counting(in, next), EXACTLY_ONCE);
      scene.send(in, "a=x", "b=x");
      scene.expectLast(next, "a=6", "b=6");
      Scene.equal(2, scene.settled(next, "read_committed", 2).size(), "records");
    });

    scenarios.put("what others have not committed is not processed", scene -> {
      String in = scene.topic("in", 1);
      String out = scene.topic("out", 1);
      scene.started(builder -> builder.stream(in).to(out), EXACTLY_ONCE);
      var config = scene.config(Map.of("transactional.id", scene.name + "-other"));
      var strings = new org.apache.kafka.common.serialization.StringSerializer();
      try (var producer = new org.apache.kafka.clients.producer.KafkaProducer<>(config, strings, strings)) {
        producer.initTransactions();
        producer.beginTransaction();
        producer.send(new org.apache.kafka.clients.producer.ProducerRecord<>(in, "a", "aborted")).get();
        producer.abortTransaction();
        producer.beginTransaction();
        producer.send(new org.apache.kafka.clients.producer.ProducerRecord<>(in, "a", "1")).get();
        scene.expect(out);
        producer.commitTransaction();
      }
      Scene.equal(List.of("a=1"), Scene.texts(scene.settled(out, "read_committed", 1)), "records");
    });
  }
}
