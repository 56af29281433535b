import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Repartitioned;
import org.apache.kafka.streams.state.Stores;

/** What is kept of a stream, and where it is kept. */
class Tables {
  /** How many records each key has had. */
  static Consumer<StreamsBuilder> counting(String in, String out) {
    return builder -> builder.<String, String>stream(in).groupByKey().count(Materialized.as("counts")).toStream().mapValues(String::valueOf).to(out);
  }

  /** How many records each value has had. */
  static Consumer<StreamsBuilder> countingValues(String in, String out) {
    return builder -> builder.<String, String>stream(in).groupBy((key, value) -> value, Grouped.as("values")).count(Materialized.as("counts")).toStream().mapValues(String::valueOf).to(out);
  }

  static void addTo(Map<String, Scenarios.Scenario<Scene>> scenarios) {
    scenarios.put("a count is told with each record, and kept in a changelog", scene -> {
      String in = scene.topic("in", 2);
      String out = scene.topic("out", 1);
      scene.started(counting(in, out));
      scene.send(in, "a=", "a=x", "b=x", "a=x");
      scene.expectSorted(out, List.of("a=1", "a=2", "b=1"));
      String changelog = scene.name + "-counts-changelog";
      Scene.equal(2, scene.partitions(changelog), "partitions");
      Scene.equal(Map.of("cleanup.policy", "compact", "message.timestamp.type", "CreateTime"), scene.configs(changelog), "configs");
      Scene.equal(List.of("counts-changelog", "in", "out"), scene.topics(), "topics");
    });

    for (String store : List.of("in_memory", "rocksDB")) {
      scenarios.put("an instance from nothing restores its table: " + store, scene -> {
        String in = scene.topic("in", 2);
        String out = scene.topic("out", 1);
        String next = scene.topic("next", 1);
        var first = scene.started(counting(in, out), "default.dsl.store", store);
        scene.send(in, "a=x", "b=x", "a=x", "c=x");
        scene.expectLast(out, "a=2", "b=1", "c=1");
        first.wipe();
        scene.started(counting(in, next), "default.dsl.store", store);
        scene.send(in, "a=x", "c=x");
        scene.expectSorted(next, List.of("a=3", "c=2"));
      });
    }

    scenarios.put("a changelog with its own configs is made so, and is compacted", scene -> {
      String in = scene.topic("in", 1);
      String out = scene.topic("out", 1);
      Map<String, String> configs = Map.of("min.cleanable.dirty.ratio", "0.01", "segment.ms", "100", "delete.retention.ms", "50", "retention.ms", "-1");
      Consumer<StreamsBuilder> topology = builder -> builder.<String, String>stream(in).groupByKey().reduce((before, now) -> now, Materialized.<String, String>as(Stores.inMemoryKeyValueStore("last")).withLoggingEnabled(configs)).toStream().to(out);
      var first = scene.started(topology);
      for (int i = 0; i < 50; i++) scene.send(in, "a=" + i, "b=" + i);
      scene.expectLast(out, "a=49", "b=49");
      Scene.equal(Map.of("cleanup.policy", "compact", "message.timestamp.type", "CreateTime", "min.cleanable.dirty.ratio", "0.01", "segment.ms", "100", "delete.retention.ms", "50", "retention.ms", "-1"), scene.configs(scene.name + "-last-changelog"), "configs");
      first.wipe();
      var next = scene.started(topology);
      Scene.until("the table", () -> "49".equals(Queries.get(next, "last", "b")));
    });

    scenarios.put("a store without a changelog has none", scene -> {
      String in = scene.topic("in", 1);
      String out = scene.topic("out", 1);
      scene.started(builder -> builder.<String, String>stream(in).groupByKey().count(Materialized.<String, Long>as(Stores.inMemoryKeyValueStore("counts")).withLoggingDisabled()).toStream().mapValues(String::valueOf).to(out));
      scene.send(in, "a=x");
      scene.expect(out, "a=1");
      Scene.equal(List.of("in", "out"), scene.topics(), "topics");
    });

    scenarios.put("a source topic is its table's changelog where the topology is optimised", scene -> {
      String in = scene.topic("in", 1, Map.of("cleanup.policy", "compact"));
      Consumer<StreamsBuilder> topology = builder -> builder.table(in, Materialized.as("table"));
      scene.send(in, "a=1", "b=2", "a=3", "b=");
      var first = scene.started(topology, "topology.optimization", "all");
      Scene.until("the table", () -> "3".equals(Queries.get(first, "table", "a")) && Queries.get(first, "table", "b") == null);
      Scene.until("a commit", () -> scene.committed(in, 0) == 4);
      first.wipe();
      var next = scene.started(topology, "topology.optimization", "all");
      Scene.until("the table", () -> "3".equals(Queries.get(next, "table", "a")) && Queries.get(next, "table", "b") == null);
      Scene.equal(List.of("in"), scene.topics(), "topics");
    });

    scenarios.put("tombstones take keys out of a table, also when it is restored", scene -> {
      String in = scene.topic("in", 1);
      Consumer<StreamsBuilder> topology = builder -> builder.<String, String>table(in, Materialized.as("table"));
      scene.send(in, "a=1", "b=2", "a=");
      var first = scene.started(topology);
      Scene.until("the table", () -> "2".equals(Queries.get(first, "table", "b")) && Queries.get(first, "table", "a") == null);
      Scene.until("a commit", () -> scene.committed(in, 0) == 3);
      first.wipe();
      var next = scene.started(topology);
      Scene.until("the table", () -> "2".equals(Queries.get(next, "table", "b")));
      Scene.equal(java.util.Optional.empty(), java.util.Optional.ofNullable(Queries.get(next, "table", "a")), "a");
    });

    scenarios.put("records of another key go through a repartition topic, which is purged", scene -> {
      String in = scene.topic("in", 3);
      String out = scene.topic("out", 1);
      scene.started(countingValues(in, out), "repartition.purge.interval.ms", 200);
      scene.send(in, "1=x", "2=x", "3=y", "4=x", "5=y");
      scene.expectLast(out, "x=3", "y=2");
      String topic = scene.name + "-values-repartition";
      Scene.equal(3, scene.partitions(topic), "partitions");
      Scene.equal(Map.of("cleanup.policy", "delete", "message.timestamp.type", "CreateTime", "retention.ms", "-1", "segment.bytes", "52428800"), scene.configs(topic), "configs");
      try (var consumer = new KafkaConsumer<>(scene.config(Map.of()), new StringDeserializer(), new StringDeserializer())) {
        var all = List.of(0, 1, 2).stream().map(each -> new TopicPartition(topic, each)).toList();
        Scene.until("an empty topic", () -> consumer.beginningOffsets(all).equals(consumer.endOffsets(all)));
        Scene.equal(5L, consumer.endOffsets(all).values().stream().mapToLong(each -> each).sum(), "records");
      }
      // Goes on after that.
      scene.send(in, "6=x");
      scene.expectLast(out, "x=4", "y=2");
    });

    scenarios.put("a repartition topic has as many partitions as it is said to", scene -> {
      String in = scene.topic("in", 1);
      String out = scene.topic("out", 1);
      var app = scene.started(builder -> builder.<String, String>stream(in).repartition(Repartitioned.<String, String>as("wide").withNumberOfPartitions(4)).to(out));
      scene.send(in, "a=1", "b=2");
      scene.expectSorted(out, List.of("a=1", "b=2"));
      Scene.equal(4, scene.partitions(scene.name + "-wide-repartition"), "partitions");
      app.untilTasks("0_0", "1_0", "1_1", "1_2", "1_3");
    });

    scenarios.put("an aggregate of a table takes back what was before", scene -> {
      String in = scene.topic("in", 2);
      String out = scene.topic("out", 1);
      scene.started(builder -> builder.<String, String>table(in)
        .groupBy((key, value) -> org.apache.kafka.streams.KeyValue.pair(value, key), Grouped.as("by-value"))
        .count(Materialized.as("counts")).toStream().mapValues(String::valueOf).to(out));
      scene.send(in, "ada=x", "bob=x");
      scene.expectLast(out, "x=2");
      scene.send(in, "ada=y");
      scene.expectLast(out, "x=1", "y=1");
      scene.send(in, "bob=");
      scene.expectLast(out, "x=0", "y=1");
    });

    scenarios.put("an aggregate of several streams has one table", scene -> {
      String first = scene.topic("first", 2);
      String second = scene.topic("second", 2);
      String out = scene.topic("out", 1);
      scene.started(builder -> builder.<String, String>stream(first).groupByKey()
        .<String>cogroup((key, value, sum) -> sum + value)
        .cogroup(builder.<String, String>stream(second).groupByKey(), (key, value, sum) -> sum + value.toUpperCase())
        .aggregate(() -> "").toStream().to(out));
      scene.send(first, "k=a");
      scene.expectLast(out, "k=a");
      scene.send(second, "k=b");
      scene.expectLast(out, "k=aB");
    });

    scenarios.put("a cache tells the last of a few, with the next commit", scene -> {
      String in = scene.topic("in", 1);
      String out = scene.topic("out", 1);
      scene.send(in, "a=x", "a=x", "a=x");
      scene.started(counting(in, out), "statestore.cache.max.bytes", 1_000_000, "commit.interval.ms", 500);
      scene.expectLast(out, "a=3");
    });

    scenarios.put("a global table has all partitions at each instance", scene -> {
      String table = scene.topic("table", 3);
      String in = scene.topic("in", 1);
      String out = scene.topic("out", 1);
      scene.send(table, "a=1", "b=2", "c=3", "d=4");
      var app = scene.started(builder -> {
        var global = builder.<String, String>globalTable(table, Materialized.as("global"));
        builder.<String, String>stream(in).join(global, (key, value) -> value, (value, other) -> value + other).to(out);
      });
      for (String key : List.of("a", "b", "c", "d")) Scene.check(Queries.get(app, "global", key) != null, key);
      scene.send(table, "e=5", "a=");
      Scene.until("a change", () -> "5".equals(Queries.get(app, "global", "e")) && Queries.get(app, "global", "a") == null);
      scene.send(in, "1=b", "2=a", "3=e");
      scene.expect(out, "1=b2", "3=e5");
      Scene.equal(Set.of("1_0"), app.tasks(), "tasks");
    });

    scenarios.put("a table with a history answers by time", scene -> {
      String in = scene.topic("in", 1);
      String table = scene.topic("table", 1);
      String out = scene.topic("out", 1);
      scene.started(builder -> {
        var versioned = builder.table(table, Consumed.with(Serdes.String(), Serdes.String()), Materialized.<String, String>as(Stores.persistentVersionedKeyValueStore("history", java.time.Duration.ofMinutes(10))));
        builder.<String, String>stream(in).join(versioned, (value, other) -> value + other).to(out);
      });
      scene.sendAt(table, 1000, "a=x");
      scene.sendAt(table, 2000, "a=y");
      Scene.until("the table", () -> scene.committed(table, 0) == 2);
      scene.sendAt(in, 1500, "a=1");
      scene.sendAt(in, 2500, "a=2");
      scene.expect(out, "a=1x", "a=2y");
      Scene.equal("compact", scene.configs(scene.name + "-history-changelog").get("cleanup.policy"), "policy");
      Scene.equal(String.valueOf(10 * 60_000 + 24 * 3_600_000), scene.configs(scene.name + "-history-changelog").get("min.compaction.lag.ms"), "lag");
    });
  }
}
