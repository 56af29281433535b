package org.apache.kafka.common.test;

import brokerlet.ServedCluster;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import kafka.raft.KafkaRaftManager;
import kafka.server.BrokerServer;
import kafka.server.ControllerServer;
import org.apache.kafka.clients.CommonClientConfigs;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.config.SaslConfigs;
import org.apache.kafka.common.security.auth.SecurityProtocol;
import org.apache.kafka.controller.Controller;
import org.apache.kafka.server.common.ApiMessageAndVersion;

/** In the place of Apache's class of this name, on which all of its kits stand: its brokers are those of brokerlet. */
public final class KafkaClusterTestKit implements AutoCloseable {
  private final TestKitNodes nodes;
  private final ServedCluster cluster;
  private final MockFaultHandler fatalFaultHandler = new MockFaultHandler("fatal");
  private final MockFaultHandler nonFatalFaultHandler = new MockFaultHandler("not fatal");

  private KafkaClusterTestKit(TestKitNodes nodes, Map<String, Object> configs) {
    this.nodes = nodes;
    cluster = new ServedCluster(nodes, configs, this::admin);
  }

  public static class Builder {
    private final TestKitNodes nodes;
    private final Map<String, Object> configs = new HashMap<>();

    public Builder(TestKitNodes nodes) {
      this.nodes = nodes;
    }

    public Builder setConfigProp(String key, Object value) {
      configs.put(key, value);
      return this;
    }

    /** What concerns a log of metadata, which there is none, and folders. */
    public Builder setStandalone(boolean standalone) {
      return this;
    }

    public Builder setInitialVoterSet(Map<Integer, Uuid> voters) {
      return this;
    }

    public Builder setDeleteOnClose(boolean delete) {
      return this;
    }

    public KafkaClusterTestKit build() {
      return new KafkaClusterTestKit(nodes, configs);
    }
  }

  public void format() {}

  public void startup() {
    cluster.start();
  }

  /** A broker that has started is ready. */
  public void waitForReadyBrokers() {}

  public Admin admin() {
    return admin(Map.of());
  }

  public Admin admin(Map<String, Object> configs) {
    return admin(configs, false);
  }

  public Admin admin(Map<String, Object> configs, boolean usingBootstrapControllers) {
    var all = new HashMap<String, Object>(configs);
    if (usingBootstrapControllers)
      all.putIfAbsent(AdminClientConfig.BOOTSTRAP_CONTROLLERS_CONFIG, bootstrapControllers());
    else all.putIfAbsent(AdminClientConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrapServers());
    SecurityProtocol protocol = nodes.brokerListenerProtocol();
    all.putIfAbsent(CommonClientConfigs.SECURITY_PROTOCOL_CONFIG, protocol.name);
    if (protocol == SecurityProtocol.SASL_PLAINTEXT) {
      all.putIfAbsent(SaslConfigs.SASL_MECHANISM, "PLAIN");
      all.putIfAbsent(
          SaslConfigs.SASL_JAAS_CONFIG,
          "org.apache.kafka.common.security.plain.PlainLoginModule required username=\"%s\" password=\"%s\";"
              .formatted(JaasUtils.KAFKA_PLAIN_ADMIN, JaasUtils.KAFKA_PLAIN_ADMIN_PASSWORD));
    }
    return Admin.create(all);
  }

  public String bootstrapServers() {
    return cluster.bootstrapServers();
  }

  public String bootstrapControllers() {
    return cluster.bootstrapServers();
  }

  public Map<Integer, BrokerServer> brokers() {
    return cluster.brokers();
  }

  public Map<Integer, ControllerServer> controllers() {
    return cluster.controllers();
  }

  public Controller waitForActiveController() {
    return controllers().values().iterator().next().controller();
  }

  public Map<Integer, KafkaRaftManager<ApiMessageAndVersion>> raftManagers() {
    var managers = new TreeMap<Integer, KafkaRaftManager<ApiMessageAndVersion>>();
    controllers().forEach((id, controller) -> managers.put(id, controller.raftManager()));
    return managers;
  }

  public TestKitNodes nodes() {
    return nodes;
  }

  public MockFaultHandler fatalFaultHandler() {
    return fatalFaultHandler;
  }

  public MockFaultHandler nonFatalFaultHandler() {
    return nonFatalFaultHandler;
  }

  /** What went wrong in a broker meanwhile is an error. */
  @Override
  public void close() {
    cluster.stop();
  }
}
