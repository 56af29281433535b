import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.consumer.AcknowledgeType;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.internals.RecordHeader;

/** Who gets which records, and how often. */
class Delivery {
  static void addTo(Map<String, Scenarios.Scenario<Scene>> scenarios) {
    scenarios.put("a record comes as it was written", scene -> {
      scene.prepare(2);
      for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) {
        try (var producer = scene.producer(Map.of("compression.type", codec))) {
          var headers = List.<org.apache.kafka.common.header.Header>of(new RecordHeader("b", "1".getBytes()), new RecordHeader("a", null));
          producer.send(new ProducerRecord<>(scene.topic, 1, 5L, "key", codec, headers));
          producer.send(new ProducerRecord<>(scene.topic, 1, 6L, null, null, List.of()));
        }
      }
      var records = Scene.read(scene.consumer(), 10);
      for (int i = 0; i < 10; i++) {
        var record = records.get(i);
        Scene.equal(1, record.partition(), "partition");
        Scene.equal((long) i, record.offset(), "offset");
        Scene.equal(5L + i % 2, record.timestamp(), "timestamp");
        Scene.equal(1, (int) record.deliveryCount().get(), "deliveries");
        if (i % 2 == 1) {
          Scene.check(record.key() == null && record.value() == null, "nulls");
          continue;
        }
        Scene.equal("key", record.key(), "key");
        Scene.equal(List.of("b", "a"), Scene.map(List.of(record.headers().toArray()), org.apache.kafka.common.header.Header::key), "headers");
        Scene.check(record.headers().lastHeader("a").value() == null, "a header without a value");
      }
      Scene.equal(List.of("none", "gzip", "snappy", "lz4", "zstd"), Scene.values(records.stream().filter(each -> each.value() != null).toList()), "values");
    });

    scenarios.put("a record that has been delivered as often as it may is given up", scene -> {
      scene.prepare(1);
      scene.configure(scene.group, Map.of("share.delivery.count.limit", 2));
      scene.produce("a", "b");
      var consumer = scene.explicit();
      for (int delivery = 1; delivery <= 2; delivery++) {
        for (int count = 0; count < 2; ) {
          var records = Scene.poll(consumer);
          for (var record : records) {
            Scene.equal(delivery, (int) record.deliveryCount().get(), "deliveries");
            consumer.acknowledge(record, AcknowledgeType.RELEASE);
          }
          Scene.commit(consumer);
          count += records.size();
        }
      }
      Scene.nothing(consumer);
      scene.untilLeft(0);
      scene.produce("c");
      Scene.equal(List.of("c"), Scene.values(Scene.accept(consumer, 1)), "values");
    });

    scenarios.put("a record whose lock is over comes to another consumer", scene -> {
      scene.prepare(1);
      scene.configure(scene.group, Map.of("share.record.lock.duration.ms", Scene.SHORT_LOCK_MS));
      scene.produce("a", "b");
      var slow = scene.explicit();
      Set<String> polled = new HashSet<>();
      polled.addAll(Scene.values(Scene.poll(slow)));
      var other = scene.explicit();
      var records = Scene.accept(other, 2);
      Scene.equal(Set.of("a", "b"), Scene.sorted(records), "values");
      for (var record : records) {
        Scene.check(!polled.contains(record.value()) || record.deliveryCount().get() > 1, "another delivery of " + record);
      }
      scene.untilLeft(0);
    });

    scenarios.put("a poll gives no more than max.poll.records where it is told to", scene -> {
      scene.prepare(1).produce(20);
      var consumer = scene.consumer("max.poll.records", 5, "share.acquire.mode", "record_limit");
      Set<String> values = new HashSet<>();
      while (values.size() < 20) {
        var records = Scene.poll(consumer);
        Scene.check(records.size() <= 5, "5 at most, received " + records.size());
        values.addAll(Scene.values(records));
      }
    });

    scenarios.put("where it is not told to, a poll acquires whole batches", scene -> {
      scene.prepare(1).produce(20);
      var consumer = scene.explicit("max.poll.records", 5);
      Scene.equal(20, Scene.poll(consumer).size(), "records");
    });

    scenarios.put("two consumers of one partition have different records at one time", scene -> {
      scene.prepare(1);
      scene.produce("a", "b", "c", "d");
      Object[] limited = {"max.poll.records", 2, "share.acquire.mode", "record_limit"};
      var first = scene.explicit(limited);
      var second = scene.explicit(limited);
      var ofFirst = Scene.poll(first);
      var ofSecond = Scene.poll(second);
      Set<String> both = Scene.sorted(ofFirst);
      both.retainAll(Scene.values(ofSecond));
      Scene.equal(Set.of(), both, "what both have");
      Scene.acknowledge(first, ofFirst, AcknowledgeType.ACCEPT);
      Scene.acknowledge(second, ofSecond, AcknowledgeType.ACCEPT);
      Scene.commit(first);
      Scene.commit(second);
      int rest = 4 - ofFirst.size() - ofSecond.size();
      if (rest > 0) Scene.accept(second, rest);
      scene.untilLeft(0);
    });

    scenarios.put("consumers that read at once get each record once", scene -> {
      scene.prepare(3);
      int total = 600;
      try (var producer = scene.producer(Map.of())) {
        for (int i = 0; i < total; i++) producer.send(new ProducerRecord<>(scene.topic, i % 3, null, String.valueOf(i)));
      }
      Map<String, AtomicInteger> times = new ConcurrentHashMap<>();
      AtomicBoolean ended = new AtomicBoolean();
      var threads = Scene.map(List.of(1, 2, 3), number -> {
        var consumer = scene.consumer("max.poll.records", 20);
        return new Thread(() -> {
          // What was read last may be acknowledged only with a later fetch, also where there is nothing more to read.
          while (!ended.get()) {
            for (var record : consumer.poll(Duration.ofMillis(100))) {
              times.computeIfAbsent(record.value(), value -> new AtomicInteger()).incrementAndGet();
            }
          }
        });
      });
      threads.forEach(Thread::start);
      try {
        for (int i = 0; i < 3; i++) {
          int index = i;
          Scene.until("the end of " + i, () -> {
            var told = scene.offsets(index);
            return told != null && told.lag().equals(Optional.of(0L));
          });
        }
      } finally {
        ended.set(true);
        for (var thread : threads) thread.join(Scene.PATIENCE.toMillis());
      }
      Scene.equal(total, times.size(), "records");
      Scene.check(times.values().stream().allMatch(count -> count.get() == 1), "each once");
    });

    scenarios.put("what is given up goes to the dead letters of its group", scene -> {
      scene.prepare(1);
      String dead = "dlq." + scene.topic;
      scene.makeTopic(dead, 1, Map.of("errors.deadletterqueue.group.enable", "true"));
      scene.configure(scene.group, Map.of(
          "errors.deadletterqueue.topic.name", dead,
          "errors.deadletterqueue.copy.record.enable", true,
          "share.delivery.count.limit", 2));
      scene.produce("a", "b");
      var consumer = scene.explicit();
      for (int left = 3; left > 0; ) {
        for (var record : Scene.poll(consumer)) {
          consumer.acknowledge(record, record.value().equals("a") ? AcknowledgeType.REJECT : AcknowledgeType.RELEASE);
          left--;
        }
        Scene.commit(consumer);
      }
      scene.untilLeft(0);
      String other = scene.group + "-2";
      scene.configure(other, Map.of());
      var reader = scene.consumerOf(other);
      reader.subscribe(List.of(dead));
      var letters = Scene.read(reader, 2);
      Scene.equal(List.of("a", "b"), Scene.values(letters), "values");
      Scene.equal(
          List.of(scene.topic + " 0 0 1: Offset rejected by client.", scene.topic + " 0 1 2: Offset delivery count exceeded the threshold."),
          Scene.map(letters, letter -> "%s %s %s %s: %s".formatted(
              List.of("topic", "partition", "offset", "delivery.count", "message").stream()
                  .map(name -> new String(letter.headers().lastHeader("__dlq.errors." + name).value()))
                  .toArray())),
          "origins");
    });

    scenarios.put("each group gets all records", scene -> {
      scene.prepare(1).produce("a", "b");
      String other = scene.group + "-2";
      scene.configure(other, Map.of());
      for (var consumer : List.of(scene.consumer(), scene.consumerOf(other))) {
        Scene.equal(List.of("a", "b"), Scene.values(Scene.read(consumer, 2)), "values");
      }
    });

    scenarios.put("a group that was told nothing begins with what is written after its first poll", scene -> {
      scene.makeTopic(scene.topic, 1);
      scene.produce("before");
      var consumer = scene.consumer();
      scene.untilAssigned(consumer);
      scene.produce("after");
      Scene.equal(List.of("after"), Scene.values(Scene.read(consumer, 1)), "values");
    });

    scenarios.put("a group may begin so long ago", scene -> {
      scene.prepare(1);
      scene.configure(scene.group, Map.of("share.auto.offset.reset", "by_duration:PT1H"));
      long now = System.currentTimeMillis();
      try (var producer = scene.producer(Map.of())) {
        producer.send(new ProducerRecord<>(scene.topic, 0, now - 7_200_000, null, "old")).get();
        producer.send(new ProducerRecord<>(scene.topic, 0, now - 60_000, null, "young")).get();
      }
      Scene.equal(List.of("young"), Scene.values(Scene.read(scene.consumer(), 1)), "values");
    });

    scenarios.put("a group that reads what is committed gets no aborted records, and none before they are committed", scene -> {
      scene.prepare(1);
      scene.configure(scene.group, Map.of("share.isolation.level", "read_committed"));
      var producer = scene.producer(Map.of("transactional.id", scene.topic));
      producer.initTransactions();
      transact(producer, scene.topic, "aborted", false);
      transact(producer, scene.topic, "committed", true);
      producer.beginTransaction();
      producer.send(new ProducerRecord<>(scene.topic, 0, null, "open")).get();
      var consumer = scene.consumer();
      Scene.equal(List.of("committed"), Scene.values(Scene.read(consumer, 1)), "values");
      Scene.nothing(consumer);
      producer.commitTransaction();
      Scene.equal(List.of("open"), Scene.values(Scene.read(consumer, 1)), "values");
      Scene.nothing(consumer);
      scene.produce("last");
      Scene.read(consumer, 1);
      consumer.commitSync();
      scene.untilLeft(0);
    });

    scenarios.put("any other group gets aborted records and open ones", scene -> {
      scene.prepare(1);
      var producer = scene.producer(Map.of("transactional.id", scene.topic));
      producer.initTransactions();
      transact(producer, scene.topic, "aborted", false);
      producer.beginTransaction();
      producer.send(new ProducerRecord<>(scene.topic, 0, null, "open")).get();
      Scene.equal(List.of("aborted", "open"), Scene.values(Scene.read(scene.consumer(), 2)), "values");
      producer.commitTransaction();
    });

    scenarios.put("no more records of a partition are under way than the group may have", scene -> {
      scene.prepare(1);
      scene.configure(scene.group, Map.of("share.partition.max.record.locks", 100));
      try (var producer = scene.producer(Map.of("batch.size", 0))) {
        for (int i = 0; i < 250; i++) producer.send(new ProducerRecord<>(scene.topic, 0, null, String.valueOf(i)));
      }
      var consumer = scene.explicit();
      var records = Scene.poll(consumer);
      int under = records.size();
      var other = scene.explicit();
      long end = System.nanoTime() + Duration.ofSeconds(1).toNanos();
      Set<Long> ofOther = new TreeSet<>();
      while (System.nanoTime() < end && ofOther.isEmpty()) other.poll(Duration.ofMillis(100)).forEach(record -> ofOther.add(record.offset()));
      // The last batch may go beyond.
      Scene.check(under + ofOther.size() <= 101, "about 100, received " + under + " and " + ofOther.size());
      other.close();
      Scene.acknowledge(consumer, records, AcknowledgeType.ACCEPT);
      Scene.commit(consumer);
      Scene.accept(consumer, 250 - under);
      scene.untilLeft(0);
    });

    scenarios.put("records that are deleted while they are under way are gone", scene -> {
      scene.prepare(1).produce(10);
      var consumer = scene.explicit();
      var records = Scene.read(consumer, 10);
      Scene.done(scene.admin.deleteRecords(Map.of(scene.partition(0), RecordsToDelete.beforeOffset(5))).all());
      scene.produce("late");
      Scene.acknowledge(consumer, records, AcknowledgeType.RELEASE);
      // Those that are gone may be refused.
      consumer.commitSync();
      var again = Scene.accept(consumer, 6);
      // The last one may have come before the others were released.
      Scene.equal(List.of(5L, 6L, 7L, 8L, 9L, 10L), again.stream().map(ConsumerRecord::offset).sorted().toList(), "offsets");
      scene.untilLeft(0);
    });

    scenarios.put("two consumers share a batch where they are told how much they may have", scene -> {
      scene.prepare(1).produce(10);
      Object[] limited = {"max.poll.records", 3, "share.acquire.mode", "record_limit"};
      var first = scene.explicit(limited);
      var ofFirst = Scene.poll(first);
      Scene.equal(List.of("0", "1", "2"), Scene.values(ofFirst), "values");
      // A consumer that has waited a while may have more in hand than it has handed out.
      var ofSecond = Scene.poll(scene.explicit(limited));
      Scene.check(Set.of(List.of("3", "4", "5"), List.of("6", "7", "8"), List.of("9")).contains(Scene.values(ofSecond)), "the next ones, received " + Scene.values(ofSecond));
      Scene.acknowledge(first, ofFirst, AcknowledgeType.RELEASE);
      Scene.commit(first);
      var again = Scene.poll(first);
      while (!Scene.values(again).contains("0")) {
        Scene.equal(List.of(1), Scene.deliveries(again).stream().distinct().toList(), "deliveries");
        Scene.acknowledge(first, again, AcknowledgeType.ACCEPT);
        Scene.commit(first);
        again = Scene.poll(first);
      }
      Scene.equal(List.of("0", "1", "2"), Scene.values(again), "values");
      Scene.equal(List.of(2, 2, 2), Scene.deliveries(again), "deliveries");
    });

    scenarios.put("a record is given up whose lock was over as often as it may be delivered", scene -> {
      scene.prepare(1);
      scene.configure(scene.group, Map.of("share.record.lock.duration.ms", Scene.SHORT_LOCK_MS, "share.delivery.count.limit", 2));
      scene.produce("a");
      Scene.equal(List.of(1), Scene.deliveries(Scene.read(scene.explicit(), 1)), "deliveries");
      var other = scene.explicit();
      List<Integer> deliveries = new ArrayList<>();
      // The first one may have got it again without handing it out, if it has waited for it.
      Scene.until("the end of the record", () -> {
        if (deliveries.isEmpty()) other.poll(Duration.ofMillis(100)).forEach(record -> deliveries.add((int) record.deliveryCount().get()));
        var offsets = scene.offsets(0);
        return offsets != null && offsets.lag().equals(Optional.of(0L));
      });
      Scene.check(List.of(List.of(2), List.of()).contains(deliveries), "one more delivery, received " + deliveries);
      Scene.nothing(scene.explicit());
    });

    scenarios.put("who waits gets at once what is written", scene -> {
      scene.prepare(1);
      var consumer = scene.consumer("fetch.max.wait.ms", 20_000);
      scene.untilAssigned(consumer);
      scene.produce("a");
      long started = System.nanoTime();
      Scene.equal(1, consumer.poll(Duration.ofSeconds(20)).count(), "records");
      Scene.check(System.nanoTime() - started < 5_000_000_000L, "a record at once");
    });

    scenarios.put("a record comes that is larger than a fetch may be", scene -> {
      scene.prepare(1).produce("a".repeat(5000), "b");
      var records = Scene.read(scene.consumer("fetch.max.bytes", 1), 2);
      Scene.equal(List.of(5000, 1), Scene.map(records, record -> record.value().length()), "lengths");
    });

    scenarios.put("a group goes on where it was, whatever its share.auto.offset.reset has become", scene -> {
      scene.prepare(1).produce("a");
      var consumer = scene.consumer();
      Scene.read(consumer, 1);
      consumer.commitSync();
      consumer.close();
      scene.produce("b");
      scene.configure(scene.group, Map.of("share.auto.offset.reset", "latest"));
      Scene.equal(List.of("b"), Scene.values(Scene.read(scene.consumer(), 1)), "values");
    });

    scenarios.put("a topic that is made anew is another one", scene -> {
      scene.prepare(1).produce("a", "b");
      var consumer = scene.consumer();
      Scene.read(consumer, 2);
      consumer.commitSync();
      consumer.close();
      Scene.done(scene.admin.deleteTopics(List.of(scene.topic)).all());
      Scene.until("a topic of that name", () -> {
        try {
          scene.makeTopic(scene.topic, 1);
          return true;
        } catch (org.apache.kafka.common.errors.TopicExistsException stillThere) {
          return false;
        }
      });
      scene.produce("c");
      var records = Scene.read(scene.consumer(), 1);
      Scene.equal(List.of("c"), Scene.values(records), "values");
      Scene.equal(0L, records.get(0).offset(), "offset");
    });

    scenarios.put("a group begins at the first record that is left", scene -> {
      scene.prepare(1).produce("a", "b", "c");
      Scene.done(scene.admin.deleteRecords(Map.of(scene.partition(0), RecordsToDelete.beforeOffset(2))).all());
      Scene.equal(List.of("c"), Scene.values(Scene.read(scene.consumer(), 1)), "values");
    });
  }

  static void transact(org.apache.kafka.clients.producer.KafkaProducer<String, String> producer, String topic, String value, boolean commits) throws Exception {
    producer.beginTransaction();
    producer.send(new ProducerRecord<>(topic, 0, null, value)).get();
    if (commits) producer.commitTransaction();
    else producer.abortTransaction();
  }
}
