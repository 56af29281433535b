import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.errors.GroupIdNotFoundException;
import org.apache.kafka.common.errors.InvalidTopicException;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.StringDeserializer;

/** What a consumer reads, and how that changes. */
class Subscription {
  static void addTo(Map<String, Scenarios.Scenario<Scene>> scenarios) {
    scenarios.put("nothing is polled without a subscription", scene -> {
      scene.prepare(1).produce("a");
      var consumer = scene.consumer();
      Scene.equal(Set.of(scene.topic), consumer.subscription(), "subscription");
      Scene.read(consumer, 1);
      consumer.unsubscribe();
      Scene.equal(Set.of(), consumer.subscription(), "subscription");
      Scene.refused(IllegalStateException.class, () -> consumer.poll(Duration.ofMillis(100)));
      consumer.subscribe(List.of(scene.topic));
      scene.produce("b");
      Scene.equal(List.of("b"), Scene.values(Scene.read(consumer, 1)), "values");
    });

    scenarios.put("a topic whose name cannot be is refused", scene -> {
      scene.prepare(1);
      var consumer = scene.consumer();
      consumer.subscribe(List.of("topic abc"));
      Scene.refused(InvalidTopicException.class, () -> {
        while (true) consumer.poll(Duration.ofMillis(200));
      });
    });

    scenarios.put("a topic that is made later is read once it is there", scene -> {
      scene.configure(scene.group, Map.of());
      var consumer = scene.consumer();
      Scene.equal(0, consumer.poll(Duration.ofMillis(300)).count(), "records");
      scene.makeTopic(scene.topic, 2);
      scene.produce("a");
      Scene.equal(List.of("a"), Scene.values(Scene.read(consumer, 1)), "values");
    });

    scenarios.put("partitions that are added are read", scene -> {
      scene.prepare(1).produce("a");
      var consumer = scene.consumer();
      Scene.read(consumer, 1);
      Scene.done(scene.admin.createPartitions(Map.of(scene.topic, org.apache.kafka.clients.admin.NewPartitions.increaseTo(3))).all());
      try (var producer = scene.producer(Map.of())) {
        Scene.until("the new partition", () -> producer.partitionsFor(scene.topic).size() == 3);
        producer.send(new ProducerRecord<>(scene.topic, 2, null, "b")).get();
      }
      Scene.equal(List.of("b"), Scene.values(Scene.read(consumer, 1)), "values");
    });

    scenarios.put("a change of the subscription acknowledges what was polled before", scene -> {
      scene.prepare(1).produce("a");
      String other = scene.topic + "-2";
      scene.makeTopic(other, 1);
      try (var producer = scene.producer(Map.of())) {
        producer.send(new ProducerRecord<>(other, 0, null, "b")).get();
      }
      var told = new Acknowledgement.Told();
      var consumer = scene.consumer();
      consumer.setAcknowledgementCommitCallback(told);
      Scene.read(consumer, 1);
      consumer.subscribe(List.of(other));
      Scene.equal(List.of("b"), Scene.values(Scene.read(consumer, 1)), "values");
      scene.untilLeft(0);
      Scene.equal(List.of(), told.errors, "errors");
    });

    scenarios.put("a topic that is deleted takes nothing from the others", scene -> {
      scene.prepare(1).produce("a");
      String other = scene.topic + "-2";
      scene.makeTopic(other, 1);
      try (var producer = scene.producer(Map.of())) {
        producer.send(new ProducerRecord<>(other, 0, null, "of the other")).get();
      }
      var consumer = scene.consumer();
      consumer.subscribe(List.of(scene.topic, other));
      Scene.equal(Set.of("a", "of the other"), Scene.sorted(Scene.read(consumer, 2)), "values");
      Scene.done(scene.admin.deleteTopics(List.of(other)).all());
      Scene.nothing(consumer);
      scene.produce("b");
      Scene.equal(List.of("b"), Scene.values(Scene.read(consumer, 1)), "values");
    });

    scenarios.put("wakeup ends a poll, and the next one reads", scene -> {
      scene.prepare(1);
      var consumer = scene.consumer();
      var waiting = new CountDownLatch(1);
      var waker = new Thread(() -> {
        try {
          waiting.await();
          Thread.sleep(200);
        } catch (InterruptedException ended) {
          return;
        }
        consumer.wakeup();
      });
      waker.start();
      waiting.countDown();
      Scene.refused(WakeupException.class, () -> consumer.poll(Duration.ofSeconds(10)));
      waker.join();
      scene.produce("a");
      Scene.equal(List.of("a"), Scene.values(Scene.read(consumer, 1)), "values");
    });

    scenarios.put("who joins reads along, and who leaves hands its partitions over", scene -> {
      scene.prepare(4);
      var first = scene.consumer();
      first.poll(Duration.ofMillis(100));
      var second = scene.consumer();
      Scene.until("two members", () -> {
        first.poll(Duration.ofMillis(50));
        second.poll(Duration.ofMillis(50));
        var members = Scene.done(scene.admin.describeShareGroups(List.of(scene.group)).all()).get(scene.group).members();
        return members.size() == 2 && members.stream().allMatch(each -> !each.assignment().topicPartitions().isEmpty());
      });
      first.close();
      try (var producer = scene.producer(Map.of())) {
        for (int i = 0; i < 4; i++) producer.send(new ProducerRecord<>(scene.topic, i, null, String.valueOf(i)));
      }
      Scene.equal(Set.of("0", "1", "2", "3"), Scene.sorted(Scene.read(second, 4)), "values");
    });

    scenarios.put("a group of consumers is none of share consumers", scene -> {
      scene.prepare(1).produce("a");
      Map<String, Object> config = scene.config(Map.of("group.id", scene.group, "group.protocol", "consumer", "auto.offset.reset", "earliest"));
      try (var owner = new KafkaConsumer<>(config, new StringDeserializer(), new StringDeserializer())) {
        owner.subscribe(List.of(scene.topic));
        Scene.until("a record", () -> owner.poll(Duration.ofMillis(100)).count() == 1);
        var consumer = scene.consumer();
        Scene.refused(GroupIdNotFoundException.class, () -> {
          while (true) consumer.poll(Duration.ofMillis(200));
        });
      }
    });
  }
}
