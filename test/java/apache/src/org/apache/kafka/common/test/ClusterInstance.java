package org.apache.kafka.common.test;

import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import kafka.server.ControllerServer;
import kafka.server.KafkaBroker;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.GroupProtocol;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.KafkaShareConsumer;
import org.apache.kafka.clients.consumer.ShareConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AclBindingFilter;
import org.apache.kafka.common.network.ListenerName;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.test.api.ClusterConfig;
import org.apache.kafka.common.test.api.Type;
import org.apache.kafka.server.fault.FaultHandlerException;

/** The cluster of a test, as Apache's tests know it. */
public interface ClusterInstance {
  Type type();

  ClusterConfig config();

  /** Stand-ins by id: what a client can find out of a broker, and nothing else. */
  Map<Integer, KafkaBroker> brokers();

  Map<Integer, KafkaBroker> aliveBrokers();

  Map<Integer, ControllerServer> controllers();

  ListenerName clientListener();

  ListenerName controllerListenerName();

  String bootstrapServers();

  String bootstrapControllers();

  List<Integer> brokerBoundPorts();

  List<Integer> controllerBoundPorts();

  String clusterId();

  void start();

  void stop();

  void shutdownBroker(int brokerId);

  void startBroker(int brokerId);

  int getLeaderBrokerId(TopicPartition partition) throws Exception;

  void waitForReadyBrokers() throws InterruptedException;

  void waitTopicCreation(String topic, int partitions) throws InterruptedException;

  void waitTopicDeletion(String topic) throws InterruptedException;

  void waitAcls(AclBindingFilter filter, Collection<AccessControlEntry> entries) throws InterruptedException;

  default Set<Integer> brokerIds() {
    return brokers().keySet();
  }

  default Set<Integer> controllerIds() {
    return controllers().keySet();
  }

  default Set<GroupProtocol> supportedGroupProtocols() {
    return Set.of(GroupProtocol.CLASSIC, GroupProtocol.CONSUMER);
  }

  default Optional<FaultHandlerException> firstFatalException() {
    return Optional.empty();
  }

  default Admin admin() {
    return admin(Map.of());
  }

  default Admin admin(Map<String, Object> configs) {
    return admin(configs, false);
  }

  default Admin admin(Map<String, Object> configs, boolean usingControllers) {
    var all = new HashMap<>(configs);
    if (usingControllers) all.putIfAbsent("bootstrap.controllers", bootstrapControllers());
    else all.putIfAbsent("bootstrap.servers", bootstrapServers());
    all.remove(usingControllers ? "bootstrap.servers" : "bootstrap.controllers");
    return Admin.create(all);
  }

  default <K, V> Producer<K, V> producer() {
    return producer(Map.of());
  }

  default <K, V> Producer<K, V> producer(Map<String, Object> configs) {
    var all = new HashMap<>(configs);
    all.putIfAbsent("bootstrap.servers", bootstrapServers());
    all.putIfAbsent("key.serializer", ByteArraySerializer.class);
    all.putIfAbsent("value.serializer", ByteArraySerializer.class);
    return new KafkaProducer<>(all);
  }

  default <K, V> Consumer<K, V> consumer() {
    return consumer(Map.of());
  }

  default <K, V> Consumer<K, V> consumer(Map<String, Object> configs) {
    var all = forReading(configs);
    all.putIfAbsent("auto.offset.reset", "earliest");
    return new KafkaConsumer<>(all);
  }

  default <K, V> ShareConsumer<K, V> shareConsumer() {
    return shareConsumer(Map.of());
  }

  default <K, V> ShareConsumer<K, V> shareConsumer(Map<String, Object> configs) {
    return new KafkaShareConsumer<>(forReading(configs));
  }

  private Map<String, Object> forReading(Map<String, Object> configs) {
    var all = new HashMap<>(configs);
    all.putIfAbsent("bootstrap.servers", bootstrapServers());
    all.putIfAbsent("key.deserializer", ByteArrayDeserializer.class);
    all.putIfAbsent("value.deserializer", ByteArrayDeserializer.class);
    all.putIfAbsent("group.id", "group-" + UUID.randomUUID());
    return all;
  }

  default void createTopic(String topic, int partitions, short replicas) throws InterruptedException {
    createTopic(topic, partitions, replicas, Map.of());
  }

  default void createTopic(String topic, int partitions, short replicas, Map<String, String> configs)
      throws InterruptedException {
    try (Admin admin = admin()) {
      admin.createTopics(List.of(new NewTopic(topic, partitions, replicas).configs(configs)));
      waitTopicCreation(topic, partitions);
    }
  }

  default void createTopicWithAssignment(String topic, Map<Integer, List<Integer>> replicas)
      throws InterruptedException {
    try (Admin admin = admin()) {
      admin.createTopics(List.of(new NewTopic(topic, replicas)));
      waitTopicCreation(topic, replicas.size());
    }
  }

  default void deleteTopic(String topic) throws InterruptedException {
    try (Admin admin = admin()) {
      admin.deleteTopics(List.of(topic));
      waitTopicDeletion(topic);
    }
  }
}
