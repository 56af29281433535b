package brokerlet;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListTopicsOptions;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.TopicPartitionInfo;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.errors.InvalidTopicException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.kafka.metadata.LeaderAndIsr;

/** The topics of a cluster, as a client sees them. */
final class Topics {
  private final Admin admin;

  Topics(Admin admin) {
    this.admin = admin;
  }

  /** 0 if there is no such topic. */
  int partitionCount(String topic) {
    return description(topic).map(each -> each.partitions().size()).orElse(0);
  }

  boolean has(TopicPartition partition) {
    return partitionCount(partition.topic()) > partition.partition();
  }

  Optional<Integer> leader(String topic, int partition) {
    return partition(topic, partition).map(TopicPartitionInfo::leader).filter(each -> !each.isEmpty()).map(Node::id);
  }

  Optional<LeaderAndIsr> leaderAndIsr(String topic, int partition) {
    return partition(topic, partition)
        .map(
            each ->
                new LeaderAndIsr(
                    each.leader() == null ? LeaderAndIsr.NO_LEADER : each.leader().id(),
                    each.isr().stream().map(Node::id).toList()));
  }

  Map<String, Uuid> ids() {
    try {
      var ids = new HashMap<String, Uuid>();
      for (var each : admin.listTopics(new ListTopicsOptions().listInternal(true)).listings().get())
        ids.put(each.name(), each.topicId());
      return ids;
    } catch (InterruptedException | ExecutionException error) {
      throw new IllegalStateException(error);
    }
  }

  private Optional<TopicPartitionInfo> partition(String topic, int partition) {
    return description(topic)
        .flatMap(each -> each.partitions().stream().filter(one -> one.partition() == partition).findFirst());
  }

  private Optional<TopicDescription> description(String topic) {
    try {
      return Optional.of(admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic));
    } catch (ExecutionException error) {
      if (error.getCause() instanceof UnknownTopicOrPartitionException) return Optional.empty();
      if (error.getCause() instanceof InvalidTopicException) return Optional.empty();
      throw new IllegalStateException(error);
    } catch (InterruptedException error) {
      throw new IllegalStateException(error);
    }
  }
}
