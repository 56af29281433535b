package brokerlet;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import kafka.server.ControllerServer;
import kafka.server.KafkaBroker;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclBindingFilter;
import org.apache.kafka.common.network.ListenerName;
import org.apache.kafka.common.security.auth.SecurityProtocol;
import org.apache.kafka.common.test.ClusterInstance;
import org.apache.kafka.common.test.api.ClusterConfig;
import org.apache.kafka.common.test.api.Type;

/** Brokers of one brokerlet. */
final class ServedCluster implements ClusterInstance {
  private static final long PATIENCE_MS = 30_000;

  private final ClusterConfig config;
  private final Map<Integer, Integer> ports = new TreeMap<>();
  private final Map<Integer, KafkaBroker> brokers = new TreeMap<>();
  private final Map<Integer, ControllerServer> controllers = new TreeMap<>();
  private final Map<Integer, Boolean> running = new TreeMap<>();
  private String name;
  private String clusterId;
  private Admin admin;

  ServedCluster(ClusterConfig config) {
    this.config = config;
  }

  @Override
  public void start() {
    var request = new LinkedHashMap<String, Object>();
    request.put("do", "start");
    request.put("brokers", config.numBrokers());
    request.put("firstNodeId", 0);
    if (config.brokerSecurityProtocol() == SecurityProtocol.SASL_PLAINTEXT)
      request.put("users", Map.of("plain-admin", "plain-admin-secret"));
    request.put("properties", config.serverProperties());
    request.put(
        "racks",
        IntStream.range(0, config.numBrokers())
            .mapToObj(id -> config.perServerProperties().getOrDefault(id, Map.of()).get("broker.rack"))
            .filter(Objects::nonNull)
            .toList());
    JsonNode told = ClusterProgram.ask(request);
    name = told.get("name").asText();
    clusterId = told.get("clusterId").asText();
    for (JsonNode each : told.get("brokers")) {
      int id = each.get("id").asInt();
      ports.put(id, each.get("port").asInt());
      running.put(id, true);
      brokers.put(id, BrokerStandIn.of(this, id));
      controllers.put(id, ControllerStandIn.of(this, id));
    }
  }

  /** Ends it; what went wrong in it meanwhile is an error. */
  @Override
  public void stop() {
    if (name == null) return;
    if (admin != null) admin.close();
    JsonNode told = ClusterProgram.ask(Map.of("do", "stop", "name", name));
    name = null;
    var errors = new ArrayList<String>();
    for (JsonNode each : told.get("errors")) errors.add(each.asText());
    if (!errors.isEmpty()) throw new AssertionError("the broker has emitted 'error': " + String.join("\n", errors));
  }

  @Override
  public void shutdownBroker(int brokerId) {
    ClusterProgram.ask(Map.of("do", "stopBroker", "name", name, "id", brokerId));
    running.put(brokerId, false);
  }

  @Override
  public void startBroker(int brokerId) {
    ClusterProgram.ask(Map.of("do", "startBroker", "name", name, "id", brokerId));
    running.put(brokerId, true);
  }

  boolean isRunning(int brokerId) {
    return running.get(brokerId);
  }

  int port(int brokerId) {
    return ports.get(brokerId);
  }

  /** For what a stand-in has to find out. */
  Admin ownAdmin() {
    if (admin == null) admin = admin();
    return admin;
  }

  Topics topics() {
    return new Topics(ownAdmin());
  }

  /** The brokers of brokerlet are the controllers, too; a test that has only the other kind gets to know no better. */
  @Override
  public Type type() {
    return config.clusterTypes().contains(Type.CO_KRAFT) ? Type.CO_KRAFT : Type.KRAFT;
  }

  @Override
  public ClusterConfig config() {
    return config;
  }

  @Override
  public Map<Integer, KafkaBroker> brokers() {
    return brokers;
  }

  @Override
  public Map<Integer, KafkaBroker> aliveBrokers() {
    return brokers.entrySet().stream()
        .filter(each -> isRunning(each.getKey()))
        .collect(Collectors.toMap(Map.Entry::getKey, Map.Entry::getValue));
  }

  @Override
  public Map<Integer, ControllerServer> controllers() {
    return controllers;
  }

  @Override
  public ListenerName clientListener() {
    return config.brokerListenerName();
  }

  @Override
  public ListenerName controllerListenerName() {
    return new ListenerName("CONTROLLER");
  }

  @Override
  public String bootstrapServers() {
    return ports.values().stream().map(port -> "localhost:" + port).collect(Collectors.joining(","));
  }

  @Override
  public String bootstrapControllers() {
    return bootstrapServers();
  }

  @Override
  public List<Integer> brokerBoundPorts() {
    return List.copyOf(ports.values());
  }

  @Override
  public List<Integer> controllerBoundPorts() {
    return brokerBoundPorts();
  }

  @Override
  public String clusterId() {
    return clusterId;
  }

  @Override
  public int getLeaderBrokerId(TopicPartition partition) throws Exception {
    return topics().leader(partition.topic(), partition.partition()).orElseThrow();
  }

  /** A broker that has started is ready. */
  @Override
  public void waitForReadyBrokers() {}

  @Override
  public void waitTopicCreation(String topic, int partitions) throws InterruptedException {
    until(topic + " has " + partitions + " partitions", () -> topics().partitionCount(topic) == partitions);
  }

  @Override
  public void waitTopicDeletion(String topic) throws InterruptedException {
    until(topic + " is gone", () -> topics().partitionCount(topic) == 0);
  }

  @Override
  public void waitAcls(AclBindingFilter filter, Collection<AccessControlEntry> entries) throws InterruptedException {
    until("the access lists are " + entries, () -> entriesOf(filter).equals(Set.copyOf(entries)));
  }

  private Set<AccessControlEntry> entriesOf(AclBindingFilter filter) {
    try {
      return ownAdmin().describeAcls(filter).values().get().stream().map(AclBinding::entry).collect(Collectors.toSet());
    } catch (InterruptedException | ExecutionException error) {
      throw new IllegalStateException(error);
    }
  }

  private static void until(String what, BooleanSupplier isSo) throws InterruptedException {
    long end = System.nanoTime() + PATIENCE_MS * 1_000_000;
    while (!isSo.getAsBoolean()) {
      if (System.nanoTime() > end) throw new AssertionError("never came: " + what);
      Thread.sleep(10);
    }
  }
}
