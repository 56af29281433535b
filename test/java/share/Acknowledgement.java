import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.clients.consumer.AcknowledgeType;
import org.apache.kafka.clients.consumer.AcknowledgementCommitCallback;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaShareConsumer;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.errors.InvalidRecordStateException;
import org.apache.kafka.common.errors.RecordDeserializationException;
import org.apache.kafka.common.serialization.IntegerDeserializer;
import org.apache.kafka.common.serialization.StringDeserializer;

/** What a consumer says of the records that it got. */
class Acknowledgement {
  /** What a consumer was told of its acknowledgements. */
  static class Told implements AcknowledgementCommitCallback {
    final Set<Long> offsets = new HashSet<>();
    final List<Exception> errors = new ArrayList<>();

    @Override
    public void onComplete(Map<TopicIdPartition, Set<Long>> acknowledged, Exception error) {
      acknowledged.values().forEach(offsets::addAll);
      if (error != null) errors.add(error);
    }
  }

  static void addTo(Map<String, Scenarios.Scenario<Scene>> scenarios) {
    scenarios.put("what is not acknowledged explicitly is accepted with the next poll", scene -> {
      scene.prepare(1).produce("a", "b", "c");
      var consumer = scene.consumer();
      Scene.equal(List.of("a", "b", "c"), Scene.values(Scene.read(consumer, 3)), "values");
      Scene.nothing(consumer);
      scene.untilLeft(0);
      consumer.close();
      Scene.nothing(scene.consumer());
    });

    scenarios.put("commitSync accepts what the poll gave", scene -> {
      scene.prepare(1).produce("a", "b");
      var consumer = scene.consumer();
      int committed = 0;
      while (committed < 2) {
        committed += Scene.poll(consumer).size();
        var result = consumer.commitSync();
        Scene.equal(1, result.size(), "partitions");
        Scene.check(result.values().stream().allMatch(java.util.Optional::isEmpty), "no error in " + result);
        Scene.equal(0, consumer.commitSync().size(), "partitions of a second commit");
      }
      scene.untilLeft(0);
    });

    scenarios.put("commitAsync accepts what the poll gave, and tells the callback", scene -> {
      scene.prepare(1).produce("a", "b", "c");
      Told told = new Told();
      var consumer = scene.consumer();
      consumer.setAcknowledgementCommitCallback(told);
      int count = 0;
      while (count < 3) {
        count += Scene.poll(consumer).size();
        consumer.commitAsync();
      }
      Scene.until("the callback", () -> {
        consumer.poll(Duration.ofMillis(50));
        return told.offsets.equals(Set.of(0L, 1L, 2L));
      });
      Scene.equal(List.of(), told.errors, "errors");
      scene.untilLeft(0);
    });

    scenarios.put("a consumer that closes has not accepted what its last poll gave, if it has not said so", scene -> {
      scene.prepare(1).produce("a");
      var consumer = scene.consumer();
      Scene.read(consumer, 1);
      consumer.close();
      Scene.equal(List.of(2), Scene.deliveries(Scene.read(scene.consumer(), 1)), "deliveries");
    });

    scenarios.put("accepted records do not come again", scene -> {
      scene.prepare(1).produce("a", "b", "c");
      var consumer = scene.explicit();
      Scene.equal(List.of("a", "b", "c"), Scene.values(Scene.accept(consumer, 3)), "values");
      Scene.nothing(consumer);
      scene.untilLeft(0);
    });

    scenarios.put("a released record comes again, and counts its deliveries", scene -> {
      scene.prepare(1).produce("a");
      var consumer = scene.explicit();
      for (int delivery = 1; delivery <= 3; delivery++) {
        var records = Scene.read(consumer, 1);
        Scene.equal(List.of(delivery), Scene.deliveries(records), "deliveries");
        Scene.acknowledge(consumer, records, AcknowledgeType.RELEASE);
        Scene.commit(consumer);
      }
      Scene.equal(List.of(4), Scene.deliveries(Scene.accept(consumer, 1)), "deliveries");
      Scene.nothing(consumer);
    });

    scenarios.put("a rejected record does not come again", scene -> {
      scene.prepare(1).produce("a");
      var consumer = scene.explicit();
      Scene.acknowledge(consumer, Scene.read(consumer, 1), AcknowledgeType.REJECT);
      Scene.commit(consumer);
      Scene.nothing(consumer);
      scene.untilLeft(0);
    });

    scenarios.put("one commit accepts, releases and rejects records of one batch", scene -> {
      scene.prepare(1).produce(10);
      var consumer = scene.explicit();
      List<ConsumerRecord<String, String>> records = Scene.read(consumer, 10);
      for (var record : records) {
        consumer.acknowledge(record, switch ((int) (record.offset() % 3)) {
          case 0 -> AcknowledgeType.ACCEPT;
          case 1 -> AcknowledgeType.RELEASE;
          default -> AcknowledgeType.REJECT;
        });
      }
      Scene.commit(consumer);
      var again = Scene.accept(consumer, 3);
      Scene.equal(List.of(1L, 4L, 7L), Scene.map(again, ConsumerRecord::offset), "offsets");
      Scene.equal(List.of(2, 2, 2), Scene.deliveries(again), "deliveries");
      scene.untilLeft(0);
    });

    scenarios.put("the last word about a record counts", scene -> {
      scene.prepare(1).produce("a");
      var consumer = scene.explicit();
      var record = Scene.read(consumer, 1).get(0);
      consumer.acknowledge(record, AcknowledgeType.RELEASE);
      consumer.acknowledge(record, AcknowledgeType.ACCEPT);
      Scene.commit(consumer);
      Scene.nothing(consumer);
      scene.untilLeft(0);
    });

    scenarios.put("a record that cannot be read is acknowledged by its offset", scene -> {
      scene.prepare(1).produce("no number", "4444");
      Map<String, Object> config = scene.config(Map.of("group.id", scene.group, "share.acknowledgement.mode", "explicit"));
      try (var consumer = new KafkaShareConsumer<>(config, new StringDeserializer(), new IntegerDeserializer())) {
        consumer.subscribe(List.of(scene.topic));
        var error = Scene.refused(RecordDeserializationException.class, () -> {
          while (true) consumer.poll(Duration.ofMillis(100));
        });
        consumer.acknowledge(scene.topic, 0, error.offset(), AcknowledgeType.REJECT);
        for (int count = 0; count == 0; ) {
          for (var record : consumer.poll(Duration.ofMillis(100))) {
            Scene.equal(1L, record.offset(), "offset");
            consumer.acknowledge(record);
            count++;
          }
        }
        consumer.commitSync();
      }
      scene.untilLeft(0);
    });

    scenarios.put("acknowledgements go with the next poll, and the callback hears of them", scene -> {
      scene.prepare(1).produce("a", "b");
      Told told = new Told();
      var consumer = scene.explicit();
      consumer.setAcknowledgementCommitCallback(told);
      int count = 0;
      while (count < 2) {
        var records = Scene.poll(consumer);
        Scene.acknowledge(consumer, records, AcknowledgeType.ACCEPT);
        count += records.size();
      }
      Scene.until("the callback", () -> {
        consumer.poll(Duration.ofMillis(50));
        return told.offsets.equals(Set.of(0L, 1L));
      });
      Scene.equal(List.of(), told.errors, "errors");
      scene.untilLeft(0);
    });

    scenarios.put("commitAsync of some records leaves the others", scene -> {
      scene.prepare(1).produce(3);
      Told told = new Told();
      var consumer = scene.explicit();
      consumer.setAcknowledgementCommitCallback(told);
      var records = Scene.read(consumer, 3);
      consumer.acknowledge(records.get(0));
      consumer.acknowledge(records.get(1));
      consumer.commitAsync();
      scene.untilLeft(1);
      consumer.acknowledge(records.get(2));
      Scene.commit(consumer);
      scene.untilLeft(0);
      Scene.nothing(consumer);
      Scene.equal(Set.of(0L, 1L, 2L), told.offsets, "offsets");
      Scene.equal(List.of(), told.errors, "errors");
    });

    scenarios.put("nothing is polled before all is acknowledged, where that is explicit", scene -> {
      scene.prepare(1).produce(2);
      var consumer = scene.explicit();
      var records = Scene.read(consumer, 2);
      consumer.acknowledge(records.get(0));
      Scene.refused(IllegalStateException.class, () -> consumer.poll(Duration.ofMillis(100)));
      consumer.acknowledge(records.get(1));
      Scene.nothing(consumer);
    });

    scenarios.put("only what was polled can be acknowledged, and nothing where that is implicit", scene -> {
      scene.prepare(1).produce("a");
      var other = new ConsumerRecord<>(scene.topic, 0, 7, "", "");
      var explicit = scene.explicit();
      var record = Scene.read(explicit, 1).get(0);
      Scene.refused(IllegalStateException.class, () -> explicit.acknowledge(other));
      explicit.acknowledge(record, AcknowledgeType.RELEASE);
      explicit.close();
      var implicit = scene.consumer();
      var again = Scene.read(implicit, 1).get(0);
      Scene.refused(IllegalStateException.class, () -> implicit.acknowledge(again));
    });

    scenarios.put("what a consumer has not acknowledged when it closes comes at once to another one", scene -> {
      scene.prepare(1).produce(3);
      var consumer = scene.explicit();
      var records = Scene.read(consumer, 3);
      consumer.acknowledge(records.get(1));
      consumer.close();
      var again = Scene.accept(scene.explicit(), 2);
      Scene.equal(List.of("0", "2"), Scene.values(again), "values");
      Scene.equal(List.of(2, 2), Scene.deliveries(again), "deliveries");
    });

    scenarios.put("a renewed record stays with its consumer beyond its lock, and is accepted at last", scene -> {
      scene.prepare(1);
      // Long enough for a machine that has much else to do between two renewals.
      int lockMs = 5000;
      scene.configure(scene.group, Map.of("share.record.lock.duration.ms", lockMs));
      scene.produce("a");
      var told = new Told();
      var consumer = scene.explicit();
      consumer.setAcknowledgementCommitCallback(told);
      var records = Scene.read(consumer, 1);
      Scene.equal(lockMs, consumer.acquisitionLockTimeoutMs().get(), "lock");
      var other = scene.explicit();
      long end = System.nanoTime() + Duration.ofMillis(lockMs + 1500).toNanos();
      while (System.nanoTime() < end) {
        Scene.acknowledge(consumer, records, AcknowledgeType.RENEW);
        Scene.commit(consumer);
        Scene.equal(0, other.poll(Duration.ofMillis(400)).count(), "records of the other one");
        records = Scene.read(consumer, 1);
        Scene.equal(List.of(1), Scene.deliveries(records), "deliveries");
      }
      Scene.acknowledge(consumer, records, AcknowledgeType.ACCEPT);
      Scene.commit(consumer);
      Scene.equal(List.of(), told.errors, "errors");
      scene.untilLeft(0);
      Scene.nothing(other);
    });

    scenarios.put("nothing is renewed where the group may not", scene -> {
      scene.prepare(1);
      scene.configure(scene.group, Map.of("share.renew.acknowledge.enable", false));
      scene.produce("a");
      var consumer = scene.explicit();
      var record = Scene.read(consumer, 1).get(0);
      consumer.acknowledge(record, AcknowledgeType.RENEW);
      var result = consumer.commitSync();
      var error = result.values().iterator().next();
      Scene.check(error.isPresent() && error.get() instanceof InvalidRecordStateException, "INVALID_RECORD_STATE, received " + error);
    });

    scenarios.put("an acknowledgement after the end of the lock is refused, and the record comes again", scene -> {
      scene.prepare(1);
      scene.configure(scene.group, Map.of("share.record.lock.duration.ms", Scene.SHORT_LOCK_MS));
      scene.produce("a");
      Told told = new Told();
      var consumer = scene.explicit();
      consumer.setAcknowledgementCommitCallback(told);
      var record = Scene.read(consumer, 1).get(0);
      Scene.equal(Scene.SHORT_LOCK_MS, consumer.acquisitionLockTimeoutMs().get(), "lock");
      // The lock is over once another consumer has the record, for as long as it needs.
      scene.configure(scene.group, Map.of());
      var other = scene.explicit();
      var again = Scene.read(other, 1);
      Scene.equal(List.of(2), Scene.deliveries(again), "deliveries");
      consumer.acknowledge(record);
      var result = consumer.commitSync();
      Scene.equal(1, result.size(), "partitions");
      var error = result.values().iterator().next();
      Scene.check(error.isPresent() && error.get() instanceof InvalidRecordStateException, "INVALID_RECORD_STATE, received " + error);
      Scene.acknowledge(other, again, AcknowledgeType.ACCEPT);
      Scene.commit(other);
      Scene.check(told.errors.stream().allMatch(InvalidRecordStateException.class::isInstance), "INVALID_RECORD_STATE, received " + told.errors);
      scene.untilLeft(0);
    });

    scenarios.put("a callback that calls its consumer is refused", scene -> {
      scene.prepare(1).produce("a");
      var consumer = scene.consumer();
      List<Throwable> errors = new ArrayList<>();
      consumer.setAcknowledgementCommitCallback((offsets, error) ->
        errors.add(Scene.refused(IllegalStateException.class, () -> consumer.poll(Duration.ofMillis(10)))));
      Scene.read(consumer, 1);
      Scene.until("the callback", () -> {
        consumer.poll(Duration.ofMillis(50));
        return !errors.isEmpty();
      });
    });
  }
}
