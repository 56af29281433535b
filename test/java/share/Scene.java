import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ExecutionException;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.AlterConfigOp.OpType;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.ListShareGroupOffsetsSpec;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.SharePartitionOffsetInfo;
import org.apache.kafka.clients.consumer.AcknowledgeType;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaShareConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/** A topic and a group of its own for each scenario, and what it does with them. */
class Scene extends Checks implements AutoCloseable {
  /** How long nothing has to come before it counts as never. */
  static final Duration A_WHILE = Duration.ofMillis(600);

  /** The shortest lock that Kafka lets a group have. */
  static final int SHORT_LOCK_MS = 1000;

  final String address;
  final String topic;
  final String group;
  final Admin admin;
  private final List<AutoCloseable> open = new ArrayList<>();

  Scene(String address, String name) {
    this.address = address;
    this.topic = name + "-topic";
    this.group = name + "-group";
    this.admin = Admin.create(config(Map.of()));
  }

  Map<String, Object> config(Map<String, Object> more) {
    Map<String, Object> all = new HashMap<>();
    all.put("bootstrap.servers", address);
    all.put("retry.backoff.ms", 20);
    all.put("metadata.max.age.ms", 500);
    all.putAll(more);
    return all;
  }

  // --- topics and groups ---

  /** The topic, and a group that begins at its start and is patient with its consumers. */
  Scene prepare(int partitions) throws Exception {
    makeTopic(topic, partitions);
    configure(group, Map.of());
    return this;
  }

  void makeTopic(String name, int partitions) throws Exception {
    makeTopic(name, partitions, Map.of());
  }

  void makeTopic(String name, int partitions, Map<String, String> configs) throws Exception {
    done(admin.createTopics(List.of(new NewTopic(name, partitions, (short) 1).configs(configs))).all());
  }

  void configure(String groupId, Map<String, Object> configs) throws Exception {
    Map<String, Object> all = new HashMap<>();
    all.put("share.auto.offset.reset", "earliest");
    all.put("share.record.lock.duration.ms", 60_000);
    all.putAll(configs);
    List<AlterConfigOp> ops = new ArrayList<>();
    all.forEach((key, value) -> ops.add(new AlterConfigOp(new ConfigEntry(key, String.valueOf(value)), OpType.SET)));
    ConfigResource resource = new ConfigResource(ConfigResource.Type.GROUP, groupId);
    done(admin.incrementalAlterConfigs(Map.of(resource, ops)).all());
    // A broker may hear of it a moment after it has answered.
    until("the configs of " + groupId, () -> {
      var told = done(admin.describeConfigs(List.of(resource)).all()).get(resource);
      return all.entrySet().stream().allMatch(each -> String.valueOf(each.getValue()).equals(told.get(each.getKey()).value()));
    });
  }

  static <T> T done(KafkaFuture<T> future) throws Exception {
    try {
      return future.get(PATIENCE.toMillis(), java.util.concurrent.TimeUnit.MILLISECONDS);
    } catch (ExecutionException error) {
      throw error.getCause() instanceof Exception cause ? cause : error;
    }
  }

  TopicPartition partition(int index) {
    return new TopicPartition(topic, index);
  }

  /** Where the group begins, and what is left for it; by Kafka's numbers. */
  SharePartitionOffsetInfo offsets(int index) throws Exception {
    var spec = new ListShareGroupOffsetsSpec().topicPartitions(List.of(partition(index)));
    return done(admin.listShareGroupOffsets(Map.of(group, spec)).partitionsToOffsetInfo(group)).get(partition(index));
  }

  /** Until so many records of partition 0 are left. Where the group begins a real broker writes down later. */
  void untilLeft(long expected) throws Exception {
    until(expected + " records are left", () -> {
      SharePartitionOffsetInfo offsets = offsets(0);
      return offsets != null && offsets.lag().equals(Optional.of(expected));
    });
  }

  /** Until a member of the group has something to read. */
  void untilAssigned(KafkaShareConsumer<String, String> consumer) throws Exception {
    until("an assignment", () -> {
      consumer.poll(Duration.ofMillis(50));
      boolean there = done(admin.listGroups().all()).stream().anyMatch(each -> each.groupId().equals(group));
      if (!there) return false;
      var members = done(admin.describeShareGroups(List.of(group)).all()).get(group).members();
      return members.stream().anyMatch(each -> !each.assignment().topicPartitions().isEmpty());
    });
    nothing(consumer);
  }

  // --- producers ---

  KafkaProducer<String, String> producer(Map<String, Object> more) {
    return opened(new KafkaProducer<>(config(more), new StringSerializer(), new StringSerializer()));
  }

  /** Writes values to partition 0, each as a batch of its own, so that none comes with another. */
  void produce(String... values) throws Exception {
    try (var producer = new KafkaProducer<>(config(Map.of()), new StringSerializer(), new StringSerializer())) {
      for (String value : values) producer.send(new ProducerRecord<>(topic, 0, null, value)).get();
    }
  }

  /** So many numbers to partition 0, in one batch or a few. */
  void produce(int count) throws Exception {
    try (var producer = new KafkaProducer<>(config(Map.of("linger.ms", 50)), new StringSerializer(), new StringSerializer())) {
      for (int i = 0; i < count; i++) producer.send(new ProducerRecord<>(topic, 0, null, String.valueOf(i)));
      producer.flush();
    }
  }

  // --- consumers ---

  KafkaShareConsumer<String, String> consumer(Object... more) {
    return consumerOf(group, more);
  }

  KafkaShareConsumer<String, String> explicit(Object... more) {
    List<Object> all = new ArrayList<>(List.of("share.acknowledgement.mode", "explicit"));
    all.addAll(Arrays.asList(more));
    return consumer(all.toArray());
  }

  /** One that has subscribed to the topic. */
  KafkaShareConsumer<String, String> consumerOf(String groupId, Object... more) {
    Map<String, Object> all = new HashMap<>(Map.of("group.id", groupId, "fetch.max.wait.ms", 100));
    for (int i = 0; i < more.length; i += 2) all.put((String) more[i], more[i + 1]);
    var consumer = opened(new KafkaShareConsumer<>(config(all), new StringDeserializer(), new StringDeserializer()));
    consumer.subscribe(List.of(topic));
    return consumer;
  }

  private <T extends AutoCloseable> T opened(T client) {
    open.add(client);
    return client;
  }

  /** What comes with the next poll that brings something. */
  static List<ConsumerRecord<String, String>> poll(KafkaShareConsumer<String, String> consumer) {
    long end = System.nanoTime() + PATIENCE.toNanos();
    while (System.nanoTime() < end) {
      var records = consumer.poll(Duration.ofMillis(100));
      if (!records.isEmpty()) {
        List<ConsumerRecord<String, String>> all = new ArrayList<>();
        records.forEach(all::add);
        return all;
      }
    }
    throw new AssertionError("nothing came");
  }

  /** Polls until so many records have come; each poll acknowledges those before it where that is implicit. */
  static List<ConsumerRecord<String, String>> read(KafkaShareConsumer<String, String> consumer, int count) {
    List<ConsumerRecord<String, String>> all = new ArrayList<>();
    while (all.size() < count) all.addAll(poll(consumer));
    equal(count, all.size(), "records");
    return all;
  }

  /** So many records, all accepted, of a consumer whose acknowledgements are explicit. */
  static List<ConsumerRecord<String, String>> accept(KafkaShareConsumer<String, String> consumer, int count) {
    List<ConsumerRecord<String, String>> all = new ArrayList<>();
    while (all.size() < count) {
      var records = poll(consumer);
      acknowledge(consumer, records, AcknowledgeType.ACCEPT);
      commit(consumer);
      all.addAll(records);
    }
    equal(count, all.size(), "records");
    return all;
  }

  static void acknowledge(KafkaShareConsumer<String, String> consumer, Collection<ConsumerRecord<String, String>> records, AcknowledgeType type) {
    for (var record : records) consumer.acknowledge(record, type);
  }

  /** Commits, which has to succeed. */
  static void commit(KafkaShareConsumer<String, String> consumer) {
    var result = consumer.commitSync(PATIENCE);
    result.forEach((partition, error) -> error.ifPresent(thrown -> {
      throw thrown;
    }));
  }

  /** Nothing comes, for a while. */
  static void nothing(KafkaShareConsumer<String, String> consumer) {
    long end = System.nanoTime() + A_WHILE.toNanos();
    while (System.nanoTime() < end) {
      List<String> values = new ArrayList<>();
      consumer.poll(Duration.ofMillis(100)).forEach(record -> values.add(record.value()));
      equal(List.of(), values, "records");
    }
  }

  static List<String> values(Collection<ConsumerRecord<String, String>> records) {
    return records.stream().map(ConsumerRecord::value).toList();
  }

  static Set<String> sorted(Collection<ConsumerRecord<String, String>> records) {
    return records.stream().map(ConsumerRecord::value).collect(Collectors.toCollection(TreeSet::new));
  }

  static List<Integer> deliveries(Collection<ConsumerRecord<String, String>> records) {
    return records.stream().map(record -> (int) record.deliveryCount().get()).toList();
  }

  static <T, R> List<R> map(Collection<T> all, Function<T, R> toResult) {
    return all.stream().map(toResult).toList();
  }

  @Override
  public void close() {
    for (AutoCloseable client : open) {
      try {
        if (client instanceof KafkaShareConsumer<?, ?> consumer) consumer.close(Duration.ofSeconds(2));
        else client.close();
      } catch (KafkaException | IllegalStateException closedAlready) {
        // Some scenarios close theirs.
      } catch (Exception error) {
        throw new AssertionError(error);
      }
    }
    admin.close(Duration.ofSeconds(2));
  }
}
