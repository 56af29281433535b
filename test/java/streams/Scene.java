import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.streams.StreamsBuilder;

/** The topics and the application of one scenario, and what it does with them. */
class Scene extends Checks implements AutoCloseable {
  /** How long nothing has to come before it counts as never. */
  static final Duration A_WHILE = Duration.ofMillis(500);

  final String address;
  /** By which protocol instances are members of their group. */
  final String protocol;
  /** Of topics, with a suffix each, and of the application. */
  final String name;
  final Admin admin;
  private final KafkaProducer<String, String> producer;
  private final List<AutoCloseable> open = new ArrayList<>();

  Scene(String address, String protocol, String name) {
    this.address = address;
    this.protocol = protocol;
    this.name = name;
    this.admin = Admin.create(config(Map.of()));
    this.producer = new KafkaProducer<>(config(Map.of("linger.ms", 0)), new StringSerializer(), new StringSerializer());
  }

  Map<String, Object> config(Map<String, Object> more) {
    Map<String, Object> all = new HashMap<>();
    all.put("bootstrap.servers", address);
    all.put("retry.backoff.ms", 20);
    all.put("metadata.max.age.ms", 500);
    all.putAll(more);
    return all;
  }

  // --- the application ---

  /** An instance that is not started yet; its topology may not read what is not there. */
  App app(Consumer<StreamsBuilder> topology, Object... config) throws Exception {
    Map<String, Object> more = new HashMap<>();
    for (int i = 0; i < config.length; i += 2) more.put((String) config[i], config[i + 1]);
    return opened(new App(this, topology, more));
  }

  /** An instance that is running. */
  App started(Consumer<StreamsBuilder> topology, Object... config) throws Exception {
    return app(topology, config).start();
  }

  /** An instance of one of those in `Instance`, in a process of its own, that is running. */
  Instance process(String topology, Object... config) throws Exception {
    return opened(new Instance(this, topology, config)).untilRunning();
  }

  <T extends AutoCloseable> T opened(T client) {
    open.add(client);
    return client;
  }

  /** What an instance is given so that each task has so many standbys; with streams groups it is their broker that is. */
  Object[] standbys(int count) throws Exception {
    if (protocol.equals("classic")) return new Object[] {"num.standby.replicas", count};
    configure("streams.num.standby.replicas", count);
    return new Object[] {};
  }

  /** Gives the group a config. */
  void configure(String key, Object value) throws Exception {
    var resource = new ConfigResource(ConfigResource.Type.GROUP, name);
    var op = new AlterConfigOp(new ConfigEntry(key, String.valueOf(value)), AlterConfigOp.OpType.SET);
    done(admin.incrementalAlterConfigs(Map.of(resource, List.of(op))).all());
    // A broker may hear of it a moment after it has answered.
    until(key, () -> String.valueOf(value).equals(done(admin.describeConfigs(List.of(resource)).all()).get(resource).get(key).value()));
  }

  // --- topics ---

  /** Makes a topic of this scenario; gives its whole name. */
  String topic(String suffix, int partitions) throws Exception {
    return topic(suffix, partitions, Map.of());
  }

  String topic(String suffix, int partitions, Map<String, String> configs) throws Exception {
    String topic = name + "-" + suffix;
    done(admin.createTopics(List.of(new NewTopic(topic, partitions, (short) 1).configs(configs))).all());
    until(topic, () -> partitions(topic) == partitions);
    return topic;
  }

  /** How many there are; none where the topic is not there. */
  int partitions(String topic) throws Exception {
    try {
      return done(admin.describeTopics(List.of(topic)).allTopicNames()).get(topic).partitions().size();
    } catch (UnknownTopicOrPartitionException missing) {
      return 0;
    }
  }

  /** What a topic was given when it was made, sorted. */
  Map<String, String> configs(String topic) throws Exception {
    var resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
    Map<String, String> own = new TreeMap<>();
    for (var entry : done(admin.describeConfigs(List.of(resource)).all()).get(resource).entries()) {
      if (entry.source() == ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG) own.put(entry.name(), entry.value());
    }
    return own;
  }

  /** The topics of this scenario, without what they have in common, sorted. */
  List<String> topics() throws Exception {
    return done(admin.listTopics().names()).stream().filter(each -> each.startsWith(name)).map(each -> each.substring(name.length() + 1)).sorted().toList();
  }

  Map<TopicPartition, OffsetAndMetadata> committed() throws Exception {
    return done(admin.listConsumerGroupOffsets(name).partitionsToOffsetAndMetadata());
  }

  long committed(String topic, int partition) throws Exception {
    OffsetAndMetadata offset = committed().get(new TopicPartition(topic, partition));
    return offset == null ? -1 : offset.offset();
  }

  static <T> T done(KafkaFuture<T> future) throws Exception {
    try {
      return future.get(PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
    } catch (ExecutionException error) {
      throw error.getCause() instanceof Exception cause ? cause : error;
    }
  }

  // --- records ---

  /** Writes records, each `key=value`, `key=` for a tombstone, or a value alone. */
  void send(String topic, String... records) throws Exception {
    for (String record : records) send(topic, null, null, record);
    producer.flush();
  }

  /** The same with a timestamp, in milliseconds. */
  void sendAt(String topic, long timestamp, String... records) throws Exception {
    for (String record : records) send(topic, null, timestamp, record);
    producer.flush();
  }

  void sendTo(String topic, int partition, String... records) throws Exception {
    for (String record : records) send(topic, partition, null, record);
    producer.flush();
  }

  private void send(String topic, Integer partition, Long timestamp, String record) throws Exception {
    int equals = record.indexOf('=');
    String key = equals < 0 ? null : record.substring(0, equals);
    String value = record.endsWith("=") ? null : record.substring(equals + 1);
    producer.send(new ProducerRecord<>(topic, partition, timestamp, key, value)).get(PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
  }

  /** Reads all partitions of a topic from the beginning until a condition holds of what has come. */
  List<ConsumerRecord<String, String>> readUntil(String topic, Object isolation, What what) throws Exception {
    var config = config(Map.of("isolation.level", isolation, "group.id", name + "-reader", "enable.auto.commit", "false"));
    try (var consumer = new KafkaConsumer<>(config, new StringDeserializer(), new StringDeserializer())) {
      until("topic " + topic, () -> partitions(topic) > 0);
      var all = consumer.partitionsFor(topic).stream().map(each -> new TopicPartition(topic, each.partition())).toList();
      consumer.assign(all);
      consumer.seekToBeginning(all);
      List<ConsumerRecord<String, String>> read = new ArrayList<>();
      long end = System.nanoTime() + PATIENCE.toNanos();
      while (!what.holds(read)) {
        if (System.nanoTime() > end) throw new AssertionError("never came to " + topic + ", only " + texts(read));
        consumer.poll(Duration.ofMillis(50)).forEach(read::add);
      }
      return read;
    }
  }

  interface What {
    boolean holds(List<ConsumerRecord<String, String>> read) throws Exception;
  }

  /** Exactly these records come, in this order; no others follow. */
  void expect(String topic, String... records) throws Exception {
    List<String> expected = List.of(records);
    equal(expected, texts(settled(topic, "read_uncommitted", expected.size())), "records of " + topic);
  }

  /** Exactly these records come, in any order. */
  void expectSorted(String topic, Collection<String> records) throws Exception {
    List<String> expected = records.stream().sorted().toList();
    equal(expected, texts(settled(topic, "read_uncommitted", expected.size())).stream().sorted().toList(), "records of " + topic);
  }

  /** So many records, or what has come too many. */
  List<ConsumerRecord<String, String>> settled(String topic, String isolation, int count) throws Exception {
    long[] since = {0};
    return readUntil(topic, isolation, read -> {
      if (read.size() < count) return false;
      if (since[0] == 0) since[0] = System.nanoTime();
      return System.nanoTime() - since[0] > A_WHILE.toNanos();
    });
  }

  /** The last value of each key becomes what is expected, `key=value` each. */
  void expectLast(String topic, String... records) throws Exception {
    Map<String, String> expected = new TreeMap<>();
    for (String record : records) expected.put(record.substring(0, record.indexOf('=')), record.substring(record.indexOf('=') + 1));
    readUntil(topic, "read_committed", read -> expected.equals(last(read)));
  }

  static Map<String, String> last(List<ConsumerRecord<String, String>> read) {
    Map<String, String> last = new TreeMap<>();
    for (var record : read) {
      if (record.value() == null) last.remove(record.key());
      else last.put(record.key(), record.value());
    }
    return last;
  }

  static List<String> texts(List<ConsumerRecord<String, String>> records) {
    return records.stream().map(record -> (record.key() == null ? "" : record.key() + "=") + (record.value() == null ? "" : record.value())).toList();
  }

  /** What its instances have failed with. */
  List<Throwable> errors() {
    return open.stream().flatMap(each -> each instanceof App app ? app.errors.stream() : null).toList();
  }

  @Override
  public void close() throws Exception {
    for (AutoCloseable client : open) client.close();
    producer.close(Duration.ofSeconds(2));
    admin.close(Duration.ofSeconds(2));
  }
}
