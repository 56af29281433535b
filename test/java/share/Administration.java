import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.apache.kafka.clients.admin.GroupListing;
import org.apache.kafka.clients.admin.ListGroupsOptions;
import org.apache.kafka.clients.admin.ListShareGroupOffsetsSpec;
import org.apache.kafka.clients.admin.ShareGroupDescription;
import org.apache.kafka.clients.consumer.AcknowledgeType;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.GroupState;
import org.apache.kafka.common.GroupType;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.GroupIdNotFoundException;
import org.apache.kafka.common.errors.GroupNotEmptyException;
import org.apache.kafka.common.errors.InconsistentGroupProtocolException;
import org.apache.kafka.common.errors.InvalidGroupIdException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.kafka.common.serialization.StringDeserializer;

/** What administrators see of share groups, and do with them. */
class Administration {
  static ShareGroupDescription describe(Scene scene) throws Exception {
    return Scene.done(scene.admin.describeShareGroups(List.of(scene.group)).all()).get(scene.group);
  }

  static void untilState(Scene scene, GroupState state) throws Exception {
    Scene.until(String.valueOf(state), () -> describe(scene).groupState() == state);
  }

  static void addTo(Map<String, Scenarios.Scenario<Scene>> scenarios) {
    scenarios.put("listGroups tells of share groups, by type and by state", scene -> {
      scene.prepare(1).produce("a");
      var consumer = scene.consumer();
      Scene.read(consumer, 1);
      Scene.equal(Optional.of(GroupState.STABLE), listed(scene, new ListGroupsOptions()).groupState(), "state");
      GroupListing listing = listed(scene, ListGroupsOptions.forShareGroups());
      Scene.equal(Optional.of(GroupType.SHARE), listing.type(), "type");
      Scene.equal("share", listing.protocol(), "protocol");
      Scene.check(listed(scene, ListGroupsOptions.forConsumerGroups()) == null, "no consumer group");
      Scene.check(listed(scene, ListGroupsOptions.forShareGroups().inGroupStates(Set.of(GroupState.EMPTY))) == null, "no empty group");
      consumer.close();
      Scene.until("an empty group", () -> listed(scene, ListGroupsOptions.forShareGroups().inGroupStates(Set.of(GroupState.EMPTY))) != null);
    });

    scenarios.put("describeShareGroups tells of the members and what they read", scene -> {
      scene.prepare(2).produce("a");
      var consumer = scene.consumer("client.id", "ada");
      Scene.read(consumer, 1);
      ShareGroupDescription group = describe(scene);
      Scene.equal(scene.group, group.groupId(), "group");
      Scene.equal(GroupState.STABLE, group.groupState(), "state");
      Scene.equal(1, group.members().size(), "members");
      Scene.check(group.groupEpoch() > 0 && group.targetAssignmentEpoch() > 0, "epochs");
      var member = group.members().iterator().next();
      Scene.equal("ada", member.clientId(), "client id");
      Scene.check(member.memberEpoch() > 0, "an epoch of the member");
      Scene.check(!member.consumerId().isEmpty(), "an id of the member");
      Scene.equal(Set.of(scene.partition(0), scene.partition(1)), member.assignment().topicPartitions(), "assignment");
      consumer.close();
      untilState(scene, GroupState.EMPTY);
      Scene.equal(0, describe(scene).members().size(), "members");
    });

    scenarios.put("describeShareGroups refuses a group that is not there", scene ->
      Scene.refused(GroupIdNotFoundException.class, () -> describe(scene)));

    scenarios.put("listShareGroupOffsets tells where a group begins, and what is left", scene -> {
      scene.prepare(2).produce("a", "b", "c");
      var consumer = scene.explicit();
      for (int count = 0; count < 3; ) {
        var records = Scene.poll(consumer);
        for (var record : records) consumer.acknowledge(record, record.offset() < 2 ? AcknowledgeType.ACCEPT : AcknowledgeType.RELEASE);
        Scene.commit(consumer);
        count += records.size();
      }
      consumer.close();
      scene.untilLeft(1);
      Scene.check(scene.offsets(0).startOffset() <= 2, "the released record is not behind the start");
      var all = Scene.done(scene.admin.listShareGroupOffsets(Map.of(scene.group, new ListShareGroupOffsetsSpec())).partitionsToOffsetInfo(scene.group));
      Scene.equal(Set.of(scene.partition(0), scene.partition(1)), all.keySet(), "partitions");
    });

    scenarios.put("alterShareGroupOffsets moves an empty group, and only that", scene -> {
      scene.prepare(1).produce("a", "b", "c");
      var consumer = scene.consumer();
      Scene.read(consumer, 3);
      Scene.refused(GroupNotEmptyException.class, () -> Scene.done(scene.admin.alterShareGroupOffsets(scene.group, Map.of(scene.partition(0), 1L)).all()));
      consumer.close();
      untilState(scene, GroupState.EMPTY);
      Scene.done(scene.admin.alterShareGroupOffsets(scene.group, Map.of(scene.partition(0), 1L)).all());
      Scene.equal(1L, scene.offsets(0).startOffset(), "start offset");
      var again = Scene.read(scene.consumer(), 2);
      Scene.equal(List.of("b", "c"), Scene.values(again), "values");
      Scene.equal(List.of(1, 1), Scene.deliveries(again), "deliveries");
    });

    scenarios.put("alterShareGroupOffsets makes a group that is not there, and refuses partitions that are not", scene -> {
      scene.prepare(1).produce("a", "b", "c");
      Scene.done(scene.admin.alterShareGroupOffsets(scene.group, Map.of(scene.partition(0), 2L)).all());
      Scene.equal(2L, scene.offsets(0).startOffset(), "start offset");
      Scene.equal(GroupState.EMPTY, describe(scene).groupState(), "state");
      TopicPartition nowhere = new TopicPartition(scene.topic + "-nowhere", 0);
      Scene.refused(UnknownTopicOrPartitionException.class, () -> Scene.done(scene.admin.alterShareGroupOffsets(scene.group, Map.of(nowhere, 1L)).partitionResult(nowhere)));
      Scene.equal(List.of("c"), Scene.values(Scene.read(scene.consumer(), 1)), "values");
    });

    scenarios.put("deleteShareGroupOffsets makes an empty group begin anew", scene -> {
      scene.prepare(1).produce("a", "b");
      var consumer = scene.consumer();
      Scene.read(consumer, 2);
      Scene.refused(GroupNotEmptyException.class, () -> Scene.done(scene.admin.deleteShareGroupOffsets(scene.group, Set.of(scene.topic)).all()));
      consumer.close();
      untilState(scene, GroupState.EMPTY);
      Scene.done(scene.admin.deleteShareGroupOffsets(scene.group, Set.of(scene.topic)).all());
      var left = Scene.done(scene.admin.listShareGroupOffsets(Map.of(scene.group, new ListShareGroupOffsetsSpec())).partitionsToOffsetInfo(scene.group));
      Scene.equal(Map.of(), left, "offsets");
      Scene.equal(List.of("a", "b"), Scene.values(Scene.read(scene.consumer(), 2)), "values");
    });

    scenarios.put("deleteShareGroups takes empty groups, and no others", scene -> {
      scene.prepare(1).produce("a");
      var consumer = scene.consumer();
      Scene.read(consumer, 1);
      Scene.refused(GroupNotEmptyException.class, () -> Scene.done(scene.admin.deleteShareGroups(List.of(scene.group)).all()));
      consumer.close();
      untilState(scene, GroupState.EMPTY);
      Scene.done(scene.admin.deleteShareGroups(List.of(scene.group)).all());
      Scene.refused(GroupIdNotFoundException.class, () -> describe(scene));
      Scene.check(listed(scene, new ListGroupsOptions()) == null, "no such group");
      Scene.refused(GroupIdNotFoundException.class, () -> Scene.done(scene.admin.deleteShareGroups(List.of(scene.group)).all()));
      Scene.equal(List.of("a"), Scene.values(Scene.read(scene.consumer(), 1)), "values");
    });

    scenarios.put("a share group is no group of consumers", scene -> {
      scene.prepare(1).produce("a");
      var consumer = scene.consumer();
      Scene.read(consumer, 1);
      consumer.commitSync();
      List<String> groups = List.of(scene.group);
      var partition = scene.partition(0);
      Scene.refused(GroupIdNotFoundException.class, () -> Scene.done(scene.admin.describeConsumerGroups(groups).all()));
      Scene.equal(Map.of(), Scene.done(scene.admin.listConsumerGroupOffsets(scene.group).partitionsToOffsetAndMetadata()), "offsets");
      Scene.refused(GroupIdNotFoundException.class, () -> Scene.done(scene.admin.alterConsumerGroupOffsets(scene.group, Map.of(partition, new OffsetAndMetadata(0))).all()));
      Scene.refused(GroupIdNotFoundException.class, () -> Scene.done(scene.admin.deleteConsumerGroupOffsets(scene.group, Set.of(partition)).all()));
      Scene.refused(GroupNotEmptyException.class, () -> Scene.done(scene.admin.deleteConsumerGroups(groups).all()));
      Scene.refused(InconsistentGroupProtocolException.class, () -> join(scene, "classic"));
      Scene.refused(GroupIdNotFoundException.class, () -> join(scene, "consumer"));
      consumer.close();
      untilState(scene, GroupState.EMPTY);
      Scene.refused(InconsistentGroupProtocolException.class, () -> join(scene, "classic"));
      Scene.refused(GroupIdNotFoundException.class, () -> join(scene, "consumer"));
      Scene.done(scene.admin.deleteConsumerGroups(groups).all());
      Scene.check(listed(scene, new ListGroupsOptions()) == null, "no such group");
    });

    scenarios.put("a group that has only committed is none of share consumers", scene -> {
      scene.prepare(1);
      var partition = scene.partition(0);
      Scene.done(scene.admin.alterConsumerGroupOffsets(scene.group, Map.of(partition, new OffsetAndMetadata(0))).all());
      Scene.refused(GroupIdNotFoundException.class, () -> describe(scene));
      Scene.refused(GroupIdNotFoundException.class, () -> Scene.done(scene.admin.alterShareGroupOffsets(scene.group, Map.of(partition, 0L)).all()));
      Scene.refused(GroupIdNotFoundException.class, () -> Scene.done(scene.admin.deleteShareGroupOffsets(scene.group, Set.of(scene.topic)).all()));
      Scene.refused(GroupIdNotFoundException.class, () -> {
        var consumer = scene.consumer();
        while (true) consumer.poll(Duration.ofMillis(100));
      });
    });

    scenarios.put("who asks for offsets of what is not there gets none", scene -> {
      scene.prepare(1).produce("a");
      var nowhere = new TopicPartition(scene.topic + "-nowhere", 0);
      Map<TopicPartition, Object> none = new HashMap<>();
      none.put(scene.partition(0), null);
      none.put(nowhere, null);
      var spec = new ListShareGroupOffsetsSpec().topicPartitions(List.of(scene.partition(0), nowhere));
      Scene.equal(none, Scene.done(scene.admin.listShareGroupOffsets(Map.of(scene.group, spec)).partitionsToOffsetInfo(scene.group)), "offsets");
      Scene.refused(GroupIdNotFoundException.class, () -> Scene.done(scene.admin.deleteShareGroupOffsets(scene.group, Set.of(scene.topic)).all()));
      Scene.refused(UnknownTopicOrPartitionException.class, () -> Scene.done(scene.admin.alterShareGroupOffsets(scene.group, Map.of(nowhere, 1L)).all()));
      Scene.refused(GroupIdNotFoundException.class, () -> describe(scene));
      Scene.refused(InvalidGroupIdException.class, () -> Scene.done(scene.admin.describeShareGroups(List.of("")).all()));
      Scene.read(scene.consumer(), 1);
      untilState(scene, GroupState.STABLE);
    });
  }

  /** A consumer joins the scene's group, and polls until that is refused. */
  static void join(Scene scene, String protocol) {
    Map<String, Object> config = scene.config(Map.of("group.id", scene.group, "group.protocol", protocol));
    try (var consumer = new KafkaConsumer<>(config, new StringDeserializer(), new StringDeserializer())) {
      consumer.subscribe(List.of(scene.topic));
      long end = System.nanoTime() + Scene.PATIENCE.toNanos();
      while (System.nanoTime() < end) consumer.poll(Duration.ofMillis(100));
    }
  }

  static GroupListing listed(Scene scene, ListGroupsOptions options) throws Exception {
    return Scene.done(scene.admin.listGroups(options).all()).stream().filter(each -> each.groupId().equals(scene.group)).findFirst().orElse(null);
  }
}
