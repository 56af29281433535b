package brokerlet;

import java.util.Map;
import java.util.concurrent.CompletableFuture;
import kafka.network.SocketServer;
import kafka.raft.KafkaRaftManager;
import kafka.server.ControllerServer;
import org.apache.kafka.controller.Controller;
import org.apache.kafka.raft.LogOffsetMetadata;
import org.apache.kafka.raft.RaftLog;
import scala.Option;

/** A controller as far as a client can see it. */
final class ControllerStandIn {
  private ControllerStandIn() {}

  static ControllerServer of(ServedCluster cluster, int id) {
    SocketServer socketServer = BrokerStandIn.socketServer(cluster, id);
    Controller controller =
        StandIn.of(
            Controller.class,
            Map.of("findAllTopicIds", args -> CompletableFuture.completedFuture(cluster.topics().ids())));
    // There is no log of metadata, so nobody lags behind in it.
    RaftLog log = StandIn.of(RaftLog.class, Map.of("endOffset", args -> new LogOffsetMetadata(0)));
    KafkaRaftManager<?> raftManager = StandIn.of(KafkaRaftManager.class, Map.of("raftLog", args -> log));
    return StandIn.of(
        ControllerServer.class,
        Map.of(
            "config", args -> BrokerStandIn.config(cluster, id),
            "clusterId", args -> cluster.clusterId(),
            "authorizerPlugin", args -> Option.empty(),
            "socketServer", args -> socketServer,
            "controller", args -> controller,
            "raftManager", args -> raftManager));
  }
}
