package brokerlet;

import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import kafka.network.SocketServer;
import kafka.server.BrokerServer;
import kafka.server.KafkaBroker;
import kafka.server.KafkaConfig;
import kafka.server.SharedServer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.coordinator.group.GroupCoordinator;
import org.apache.kafka.metadata.KRaftMetadataCache;

/** A broker as far as a client can see it: its configs, its port, the topics of the cluster. */
final class BrokerStandIn {
  private BrokerStandIn() {}

  static KafkaBroker of(ServedCluster cluster, int id) {
    KafkaConfig config = config(cluster, id);
    SocketServer socketServer = socketServer(cluster, id);
    KRaftMetadataCache metadataCache = metadataCache(cluster);
    GroupCoordinator groupCoordinator =
        StandIn.of(GroupCoordinator.class, Map.of("groupMetadataTopicConfigs", args -> new Properties()));
    // A change is known everywhere at once.
    SharedServer sharedServer = StandIn.of(SharedServer.class, Map.of("loader", args -> null));
    var answers = new HashMap<String, StandIn.Answer>();
    answers.put("config", args -> config);
    answers.put("socketServer", args -> socketServer);
    answers.put("boundPort", args -> cluster.port(id));
    answers.put("metadataCache", args -> metadataCache);
    answers.put("groupCoordinator", args -> groupCoordinator);
    answers.put("sharedServer", args -> sharedServer);
    answers.put("isShutdown", args -> !cluster.isRunning(id));
    answers.put("awaitShutdown", args -> null);
    answers.put(
        "shutdown",
        args -> {
          cluster.shutdownBroker(id);
          return null;
        });
    answers.put(
        "startup",
        args -> {
          cluster.startBroker(id);
          return null;
        });
    return StandIn.of(BrokerServer.class, answers);
  }

  static SocketServer socketServer(ServedCluster cluster, int id) {
    return StandIn.of(SocketServer.class, Map.of("boundPort", args -> cluster.port(id)));
  }

  static KafkaConfig config(ServedCluster cluster, int id) {
    var properties = new HashMap<String, String>();
    properties.put("process.roles", "broker");
    properties.put("node.id", String.valueOf(id));
    properties.put("controller.quorum.voters", "3000@127.0.0.1:9093");
    properties.put("controller.listener.names", "CONTROLLER");
    properties.put("listeners", "EXTERNAL://127.0.0.1:" + cluster.port(id));
    properties.put("listener.security.protocol.map", "EXTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT");
    properties.put("inter.broker.listener.name", "EXTERNAL");
    // Groups assign at once.
    for (String kind : new String[] {"consumer", "share", "streams"})
      properties.put("group." + kind + ".assignment.interval.ms", "0");
    properties.putAll(cluster.config().serverProperties());
    return new KafkaConfig(properties, false);
  }

  private static KRaftMetadataCache metadataCache(ServedCluster cluster) {
    return StandIn.of(
        KRaftMetadataCache.class,
        Map.of(
            "numPartitions",
            args -> Optional.of(cluster.topics().partitionCount((String) args[0])).filter(count -> count > 0),
            "getLeaderAndIsr",
            args -> cluster.topics().leaderAndIsr((String) args[0], (int) args[1]),
            "getTopicId",
            args -> cluster.topics().ids().getOrDefault((String) args[0], Uuid.ZERO_UUID),
            "contains",
            args ->
                args[0] instanceof TopicPartition partition
                    ? cluster.topics().partitionCount(partition.topic()) > partition.partition()
                    : cluster.topics().partitionCount((String) args[0]) > 0));
  }
}
