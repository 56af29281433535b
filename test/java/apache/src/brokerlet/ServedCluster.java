package brokerlet;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import kafka.server.BrokerServer;
import kafka.server.ControllerServer;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.security.auth.SecurityProtocol;
import org.apache.kafka.common.test.JaasUtils;
import org.apache.kafka.common.test.TestKitNode;
import org.apache.kafka.common.test.TestKitNodes;

/** The brokers of one test: those of one brokerlet, with a stand-in for each of what a test looks for inside them. */
public final class ServedCluster {
  private static final long PATIENCE_NS = 2_000_000_000;

  private final TestKitNodes nodes;
  private final Map<String, Object> configs;
  private final Supplier<Admin> admins;
  private final Map<Integer, Integer> ports = new TreeMap<>();
  private final Map<Integer, BrokerServer> brokers = new TreeMap<>();
  private final Map<Integer, ControllerServer> controllers = new TreeMap<>();
  private final Map<Integer, Boolean> running = new TreeMap<>();
  private final Set<Thread> others = Thread.getAllStackTraces().keySet();
  private String name;
  private String clusterId;
  private Admin admin;

  public ServedCluster(TestKitNodes nodes, Map<String, Object> configs, Supplier<Admin> admins) {
    this.nodes = nodes;
    this.configs = configs;
    this.admins = admins;
    for (int id : nodes.brokerNodes().keySet()) brokers.put(id, BrokerStandIn.of(this, id));
    // The brokers of brokerlet are the controllers, too.
    for (int id : nodes.controllerNodes().keySet()) controllers.put(id, ControllerStandIn.of(this, id));
  }

  public void start() {
    var request = new LinkedHashMap<String, Object>();
    request.put("do", "start");
    request.put("brokers", brokers.size());
    request.put("firstNodeId", nodes.brokerNodes().firstKey());
    if (nodes.brokerListenerProtocol() == SecurityProtocol.SASL_PLAINTEXT)
      request.put("users", Map.of(JaasUtils.KAFKA_PLAIN_ADMIN, JaasUtils.KAFKA_PLAIN_ADMIN_PASSWORD));
    request.put("properties", texts(configs));
    var perServer = new TreeMap<Integer, Map<String, String>>();
    nodes.brokerNodes().forEach((id, node) -> perServer.put(id, withoutRack(node.propertyOverrides())));
    request.put("perServer", perServer);
    request.put("racks", racks());
    JsonNode told = ClusterProgram.ask(request);
    name = told.get("name").asText();
    clusterId = told.get("clusterId").asText();
    for (JsonNode each : told.get("brokers")) {
      int id = each.get("id").asInt();
      ports.put(id, each.get("port").asInt());
      running.put(id, true);
    }
    BrokerConfigs.set(told.get("toSet"), admins);
  }

  /** Ends it; what went wrong in it meanwhile is an error. */
  public void stop() {
    if (name == null) return;
    if (admin != null) admin.close();
    JsonNode told = ClusterProgram.ask(Map.of("do", "stop", "name", name));
    name = null;
    var errors = new ArrayList<String>();
    for (JsonNode each : told.get("errors")) errors.add(each.asText());
    letEnd();
    if (!errors.isEmpty()) throw new AssertionError("the broker has emitted 'error': " + String.join("\n", errors));
  }

  // Apache's extension looks for threads that a test has left behind, and a Kafka takes its time to close. Those without a
  // name are the test's.
  private void letEnd() {
    long end = System.nanoTime() + PATIENCE_NS;
    try {
      for (Thread thread : Thread.getAllStackTraces().keySet()) {
        if (others.contains(thread) || !thread.getName().matches("Thread-\\d+")) continue;
        thread.join(Math.max(1, (end - System.nanoTime()) / 1_000_000));
      }
    } catch (InterruptedException error) {
      Thread.currentThread().interrupt();
    }
  }

  void stopBroker(int id) {
    ClusterProgram.ask(Map.of("do", "stopBroker", "name", name, "id", id));
    running.put(id, false);
  }

  void startBroker(int id) {
    ClusterProgram.ask(Map.of("do", "startBroker", "name", name, "id", id));
    running.put(id, true);
  }

  boolean isRunning(int brokerId) {
    return running.getOrDefault(brokerId, false);
  }

  /** That of the first broker for a controller by itself. */
  int port(int nodeId) {
    if (ports.isEmpty()) return 0;
    return ports.getOrDefault(nodeId, ports.values().iterator().next());
  }

  public Map<Integer, BrokerServer> brokers() {
    return brokers;
  }

  public Map<Integer, ControllerServer> controllers() {
    return controllers;
  }

  public String bootstrapServers() {
    return ports.values().stream().map(port -> "localhost:" + port).collect(Collectors.joining(","));
  }

  String clusterId() {
    return clusterId;
  }

  /** Those that the test has chosen for all, and for one. */
  Map<String, String> configs(int nodeId) {
    Map<String, String> all = texts(configs);
    TestKitNode node = nodes.brokerNodes().get(nodeId);
    if (node != null) all.putAll(node.propertyOverrides());
    return all;
  }

  private static Map<String, String> texts(Map<String, Object> configs) {
    var texts = new HashMap<String, String>();
    configs.forEach((key, value) -> texts.put(key, String.valueOf(value)));
    return texts;
  }

  private static Map<String, String> withoutRack(Map<String, String> configs) {
    var others = new HashMap<>(configs);
    others.remove("broker.rack");
    return others;
  }

  private List<String> racks() {
    return nodes.brokerNodes().keySet().stream()
        .map(id -> configs(id).get("broker.rack"))
        .filter(Objects::nonNull)
        .toList();
  }

  /** An empty one. */
  String folder() {
    return nodes.baseDirectory();
  }

  /** For what a stand-in has to find out. */
  Topics topics() {
    if (admin == null) admin = admins.get();
    return new Topics(admin);
  }
}
