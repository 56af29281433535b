package brokerlet;

import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import kafka.cluster.Partition;
import kafka.log.LogManager;
import kafka.network.SocketServer;
import kafka.server.BrokerServer;
import kafka.server.KafkaApis;
import kafka.server.KafkaConfig;
import kafka.server.ReplicaManager;
import kafka.server.SharedServer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.coordinator.group.GroupCoordinator;
import org.apache.kafka.image.loader.MetadataLoader;
import org.apache.kafka.metadata.BrokerState;
import org.apache.kafka.metadata.KRaftMetadataCache;
import org.apache.kafka.storage.internals.log.UnifiedLog;
import scala.Option;
import scala.collection.immutable.Nil$;

/** A broker as far as a client can see it: its configs, its port, the topics of the cluster. */
final class BrokerStandIn {
  private BrokerStandIn() {}

  static BrokerServer of(ServedCluster cluster, int id) {
    SocketServer socketServer = socketServer(cluster, id);
    KRaftMetadataCache metadataCache = metadataCache(cluster);
    GroupCoordinator groupCoordinator =
        StandIn.of(GroupCoordinator.class, Map.of("groupMetadataTopicConfigs", args -> new Properties()));
    // A change is known everywhere at once.
    MetadataLoader loader = StandIn.of(MetadataLoader.class, Map.of("lastAppliedOffset", args -> 0L));
    SharedServer sharedServer = StandIn.of(SharedServer.class, Map.of("loader", args -> loader));
    KafkaApis apis = StandIn.of(KafkaApis.class, Map.of("isConsumerGroupProtocolEnabled", args -> true));
    var answers = new HashMap<String, StandIn.Answer>();
    answers.put("config", args -> config(cluster, id));
    answers.put("clusterId", args -> cluster.clusterId());
    answers.put("socketServer", args -> socketServer);
    answers.put("boundPort", args -> cluster.port(id));
    answers.put("metadataCache", args -> metadataCache);
    answers.put("groupCoordinator", args -> groupCoordinator);
    answers.put("sharedServer", args -> sharedServer);
    answers.put(
        "brokerState", args -> cluster.isRunning(id) ? BrokerState.RUNNING : BrokerState.NOT_RUNNING);
    answers.put("replicaManager", args -> replicaManager(cluster));
    answers.put("logManager", args -> logManager(cluster));
    answers.put("authorizerPlugin", args -> Option.empty());
    answers.put("dataPlaneRequestProcessor", args -> apis);
    answers.put("isShutdown", args -> !cluster.isRunning(id));
    answers.put("awaitShutdown", args -> null);
    answers.put(
        "shutdown",
        args -> {
          cluster.stopBroker(id);
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
    // A test looks for the logs of a topic that is deleted there.
    properties.put("log.dirs", cluster.folder());
    // Groups assign at once.
    for (String kind : new String[] {"consumer", "share", "streams"})
      properties.put("group." + kind + ".assignment.interval.ms", "0");
    properties.putAll(cluster.configs(id));
    return new KafkaConfig(properties, false);
  }

  /** A topic has logs as long as it is there. */
  private static ReplicaManager replicaManager(ServedCluster cluster) {
    return StandIn.of(
        ReplicaManager.class,
        Map.of("onlinePartition", args -> present(cluster, args, StandIn.of(Partition.class, Map.of()))));
  }

  private static LogManager logManager(ServedCluster cluster) {
    return StandIn.of(
        LogManager.class,
        Map.of(
            "getLog", args -> present(cluster, args, StandIn.of(UnifiedLog.class, Map.of())),
            "liveLogDirs", args -> Nil$.MODULE$));
  }

  private static Option<?> present(ServedCluster cluster, Object[] args, Object found) {
    return cluster.topics().has((TopicPartition) args[0]) ? Option.apply(found) : Option.empty();
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
                    ? cluster.topics().has(partition)
                    : cluster.topics().partitionCount((String) args[0]) > 0));
  }
}
