import static java.nio.charset.StandardCharsets.UTF_8;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Future;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.common.utils.internals.AppInfoParser;

/** What a driver is, ../driver.js says. */
public class Driver {
  static final TopicPartition ORDERS = new TopicPartition("orders", 0);
  static String address;
  static Map<String, Object> connection = Map.of();

  static class Missing extends RuntimeException {
    Missing(String what) {
      super(what);
    }
  }

  public static void main(String[] args) {
    if (args[0].equals("version")) tell(Map.of("version", AppInfoParser.getVersion()));
    address = args[0];
    long started = System.nanoTime();
    try {
      Map<String, Object> told = new LinkedHashMap<>(run(args[1], args.length > 2 ? args[2] : ""));
      told.put("ms", (System.nanoTime() - started) / 1e6);
      tell(told);
    } catch (Missing missing) {
      tell(Map.of("missing", missing.getMessage()));
    } catch (Throwable error) {
      tell(Map.of("failed", error.toString()));
    }
  }

  static Map<String, Object> run(String action, String argument) throws Exception {
    return switch (action) {
      case "produce" -> produce();
      case "consume" -> consume(argument);
      case "share" -> share(argument);
      case "rebalance" -> rebalance(argument);
      case "seek" -> seek();
      case "offsets" -> offsets(Long.parseLong(argument));
      case "reset" -> reset();
      case "transactions" -> transactions();
      case "admin-topics" -> withAdmin(Driver::adminTopics);
      case "admin-records" -> withAdmin(Driver::adminRecords);
      case "admin-configs" -> withAdmin(Driver::adminConfigs);
      case "admin-groups" -> withAdmin(Driver::adminGroups);
      case "admin-offsets" -> withAdmin(Driver::adminOffsets);
      case "admin-delete-offsets" -> withAdmin(Driver::adminDeleteOffsets);
      case "codec" -> roundTrip(50, Map.of("compression.type", argument));
      case "sasl" -> sasl(argument);
      case "tls" -> tls();
      default -> throw new Missing("has no " + action);
    };
  }

  // --- clients ---

  static Map<String, Object> config(Map<String, Object> more) {
    Map<String, Object> all = new HashMap<>(connection);
    all.put("bootstrap.servers", address);
    all.put("retry.backoff.ms", 20);
    all.putAll(more);
    return all;
  }

  static KafkaProducer<String, String> producer(Map<String, Object> more) {
    return new KafkaProducer<>(config(more), new StringSerializer(), new StringSerializer());
  }

  static KafkaConsumer<String, String> consumer(String group, Map<String, Object> more) {
    Map<String, Object> all = new HashMap<>();
    all.put("group.id", group);
    all.put("auto.offset.reset", "earliest");
    all.put("enable.auto.commit", false);
    all.put("fetch.max.wait.ms", 50);
    // KIP-848 groups take the times of the broker.
    if (!"consumer".equals(more.get("group.protocol"))) all.put("heartbeat.interval.ms", 100);
    all.putAll(more);
    return new KafkaConsumer<>(config(all), new StringDeserializer(), new StringDeserializer());
  }

  /** Hands each record to {@code isLast} until that says that it was the last. */
  static void read(KafkaConsumer<String, String> reader, Predicate<ConsumerRecord<String, String>> isLast) {
    while (true) {
      for (var each : reader.poll(Duration.ofMillis(100))) {
        if (isLast.test(each)) return;
      }
    }
  }

  static List<String> readValues(KafkaConsumer<String, String> reader, int count) {
    List<String> seen = new ArrayList<>();
    read(reader, each -> seen.add(each.value()) && seen.size() == count);
    return seen;
  }

  // --- records ---

  static Map<String, Object> produce() throws Exception {
    try (var writer = producer(Map.of())) {
      var first = new ProducerRecord<>("orders", 0, "a", "one");
      first.headers().add("trace", "x".getBytes(UTF_8));
      writer.send(first).get();
      writer.send(new ProducerRecord<>("orders", 1, "b", "two")).get();
      writer.send(new ProducerRecord<>("orders", 2, "c", null)).get();
      writer.send(new ProducerRecord<>("orders", "d", "four")).get();
    }
    return Map.of();
  }

  static Map<String, Object> consume(String protocol) {
    List<Object> records = new ArrayList<>();
    try (var reader = consumer("billing", Map.of("group.protocol", protocol))) {
      reader.subscribe(List.of("orders"));
      read(reader, each -> {
        String trace = new String(each.headers().lastHeader("trace").value(), UTF_8);
        records.add(List.of(each.partition(), each.offset(), each.key(), each.value(), trace));
        return records.size() == 99;
      });
      reader.commitSync();
    }
    return Map.of("records", records);
  }

  static Map<String, Object> share(String protocol) {
    List<String> seen = new ArrayList<>();
    try (var reader = consumer("billing", Map.of("group.protocol", protocol))) {
      reader.subscribe(List.of("orders"));
      while (true) {
        for (var each : reader.poll(Duration.ofMillis(100))) seen.add(each.value());
        reader.commitSync();
        if (seen.remove("stop")) return Map.of("values", seen);
      }
    }
  }

  static Map<String, Object> rebalance(String protocol) {
    List<KafkaConsumer<String, String>> members = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      var member = consumer("billing", Map.of("group.protocol", protocol));
      member.subscribe(List.of("orders"));
      members.add(member);
    }
    var three = settle(members);
    members.remove(0).close();
    var two = settle(members);
    members.forEach(KafkaConsumer::close);
    return Map.of("three", three, "two", two);
  }

  static List<List<Integer>> settle(List<KafkaConsumer<String, String>> members) {
    while (true) {
      for (var member : members) member.poll(Duration.ofMillis(20));
      var owned = members.stream()
          .map(each -> each.assignment().stream().map(TopicPartition::partition).toList())
          .toList();
      if (owned.stream().allMatch(each -> each.size() * members.size() == 6)) return owned;
    }
  }

  static Map<String, Object> roundTrip(int count, Map<String, Object> writing) throws Exception {
    Map<String, Object> config = new HashMap<>(writing);
    config.put("linger.ms", 50);
    try (var writer = producer(config);
        var reader = consumer("billing", Map.of())) {
      List<Future<RecordMetadata>> sent = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        sent.add(writer.send(new ProducerRecord<>("orders", 0, null, ("value " + i + " ").repeat(10))));
      }
      for (var each : sent) each.get();
      reader.subscribe(List.of("orders"));
      return Map.of("values", readValues(reader, count));
    }
  }

  static Map<String, Object> sasl(String mechanism) throws Exception {
    String module = mechanism.equals("PLAIN") ? "plain.PlainLoginModule" : "scram.ScramLoginModule";
    String user = System.getenv("SASL_USER");
    String password = System.getenv("SASL_PASSWORD");
    connection = Map.of(
        "security.protocol", "SASL_PLAINTEXT",
        "sasl.mechanism", mechanism,
        "sasl.jaas.config",
        "org.apache.kafka.common.security.%s required username=\"%s\" password=\"%s\";"
            .formatted(module, user, password));
    return roundTrip(1, Map.of());
  }

  static Map<String, Object> tls() throws Exception {
    connection = Map.of(
        "security.protocol", "SSL",
        "ssl.truststore.type", "PEM",
        "ssl.truststore.location", System.getenv("TLS_CA"));
    return roundTrip(1, Map.of());
  }

  // --- offsets ---

  static Map<String, Object> seek() {
    try (var reader = consumer("billing", Map.of())) {
      reader.assign(List.of(ORDERS));
      reader.seek(ORDERS, 7);
      List<Long> seen = new ArrayList<>();
      read(reader, each -> seen.add(each.offset()) && seen.size() == 3);
      return Map.of("offsets", seen);
    }
  }

  static Map<String, Object> offsets(long timestamp) {
    try (var reader = consumer("billing", Map.of())) {
      reader.assign(List.of(ORDERS));
      var one = List.of(ORDERS);
      long earliest = reader.beginningOffsets(one).get(ORDERS);
      long latest = reader.endOffsets(one).get(ORDERS);
      long byTime = reader.offsetsForTimes(Map.of(ORDERS, timestamp)).get(ORDERS).offset();
      reader.commitSync(Map.of(ORDERS, new OffsetAndMetadata(5)));
      long committed = reader.committed(Set.of(ORDERS)).get(ORDERS).offset();
      return Map.of("earliest", earliest, "latest", latest, "byTime", byTime, "committed", committed);
    }
  }

  static Map<String, Object> reset() {
    try (var reader = consumer("billing", Map.of())) {
      reader.subscribe(List.of("orders"));
      List<Long> seen = new ArrayList<>();
      read(reader, each -> seen.add(each.offset()));
      return Map.of("first", seen.get(0));
    }
  }

  // --- transactions ---

  static Map<String, Object> transactions() {
    try (var writer = producer(Map.of("transactional.id", "matrix"));
        var reader = consumer("billing", Map.of());
        var audit = consumer("audit", Map.of("isolation.level", "read_committed"))) {
      writer.initTransactions();
      reader.subscribe(List.of("orders"));
      read(reader, each -> {
        writer.beginTransaction();
        writer.send(new ProducerRecord<>("payments", "paid " + each.value()));
        writer.sendOffsetsToTransaction(
            Map.of(ORDERS, new OffsetAndMetadata(each.offset() + 1)), reader.groupMetadata());
        writer.commitTransaction();
        return each.offset() == 2;
      });
      writer.beginTransaction();
      writer.send(new ProducerRecord<>("payments", "lost"));
      writer.flush();
      writer.abortTransaction();
      writer.beginTransaction();
      writer.send(new ProducerRecord<>("payments", "last"));
      writer.commitTransaction();
      audit.subscribe(List.of("payments"));
      List<String> read = new ArrayList<>();
      read(audit, each -> read.add(each.value()) && each.value().equals("last"));
      return Map.of("read", read);
    }
  }

  // --- administration ---

  interface Work {
    Map<String, Object> with(Admin admin) throws Exception;
  }

  static Map<String, Object> withAdmin(Work work) throws Exception {
    try (var admin = Admin.create(config(Map.of()))) {
      return work.with(admin);
    }
  }

  static Map<String, Object> adminTopics(Admin admin) throws Exception {
    var made = new NewTopic("made", 3, (short) 1).configs(Map.of("retention.ms", "60000"));
    admin.createTopics(List.of(made)).all().get();
    var listed = new TreeSet<>(admin.listTopics().names().get());
    var described = admin.describeTopics(List.of("made")).allTopicNames().get().get("made");
    admin.createPartitions(Map.of("made", NewPartitions.increaseTo(5))).all().get();
    admin.deleteTopics(List.of("old")).all().get();
    return Map.of("listed", listed, "partitions", described.partitions().size());
  }

  static Map<String, Object> adminRecords(Admin admin) throws Exception {
    admin.deleteRecords(Map.of(ORDERS, RecordsToDelete.beforeOffset(4))).all().get();
    return Map.of();
  }

  static Map<String, Object> adminConfigs(Admin admin) throws Exception {
    var resource = new ConfigResource(ConfigResource.Type.TOPIC, "orders");
    String before = retention(admin, resource);
    var set = new AlterConfigOp(new ConfigEntry("retention.ms", "120000"), AlterConfigOp.OpType.SET);
    admin.incrementalAlterConfigs(Map.of(resource, List.of(set))).all().get();
    return Map.of("before", before, "after", retention(admin, resource));
  }

  static String retention(Admin admin, ConfigResource resource) throws Exception {
    return admin.describeConfigs(List.of(resource)).all().get().get(resource).get("retention.ms").value();
  }

  static Map<String, Object> adminGroups(Admin admin) throws Exception {
    var listed = admin.listGroups().all().get().stream().map(each -> each.groupId()).toList();
    var described = admin.describeConsumerGroups(List.of("stale")).all().get().get("stale");
    var found = admin.listConsumerGroupOffsets("stale").partitionsToOffsetAndMetadata().get();
    admin.deleteConsumerGroups(List.of("stale")).all().get();
    return Map.of(
        "listed", listed, "state", described.groupState().toString(), "offset", found.get(ORDERS).offset());
  }

  static Map<String, Object> adminOffsets(Admin admin) throws Exception {
    admin.alterConsumerGroupOffsets("stale", Map.of(ORDERS, new OffsetAndMetadata(1))).all().get();
    return Map.of();
  }

  static Map<String, Object> adminDeleteOffsets(Admin admin) throws Exception {
    admin.deleteConsumerGroupOffsets("stale", Set.of(new TopicPartition("orders", 1))).all().get();
    return Map.of();
  }

  // --- what it tells ---

  static void tell(Map<String, ?> told) {
    System.out.println(json(told));
    System.out.flush();
    Runtime.getRuntime().halt(0);
  }

  static String json(Object value) {
    if (value instanceof Map<?, ?> map) {
      return map.entrySet().stream()
          .map(each -> json(each.getKey()) + ":" + json(each.getValue()))
          .collect(Collectors.joining(",", "{", "}"));
    }
    if (value instanceof Collection<?> all) {
      return all.stream().map(Driver::json).collect(Collectors.joining(",", "[", "]"));
    }
    if (value instanceof Number) return value.toString();
    return String.valueOf(value).chars()
        .mapToObj(each -> each < ' ' || each == '"' || each == '\\' ? "\\u%04x".formatted(each) : "" + (char) each)
        .collect(Collectors.joining("", "\"", "\""));
  }
}
