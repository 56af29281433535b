import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.apache.kafka.clients.admin.ListGroupsOptions;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.GroupState;
import org.apache.kafka.common.GroupType;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.GroupIdNotFoundException;
import org.apache.kafka.common.errors.GroupNotEmptyException;
import org.apache.kafka.common.errors.GroupSubscribedToTopicException;
import org.apache.kafka.common.errors.UnknownMemberIdException;

/** Groups whose leader's client deals the tasks out, and what only they can do. */
class ClassicGroups {
  static void addTo(Map<String, Scenarios.Scenario<Scene>> scenarios) {
    scenarios.put("a pattern reads topics that come later", scene -> {
      String in = scene.topic("in-1", 1);
      String out = scene.topic("out", 1);
      scene.started(builder -> builder.stream(Pattern.compile(scene.name + "-in-.*")).to(out));
      scene.send(in, "a=1");
      scene.expect(out, "a=1");
      String late = scene.topic("in-2", 2);
      scene.send(late, "b=2");
      scene.expect(out, "a=1", "b=2");
    });

    scenarios.put("a running group is described, with who has what", scene -> {
      String in = scene.topic("in", 4);
      String out = scene.topic("out", 1);
      var first = scene.started(builder -> builder.stream(in).to(out));
      var second = scene.started(builder -> builder.stream(in).to(out));
      Instances.untilShared(List.of(first, second), 4);
      var group = Scene.done(scene.admin.describeConsumerGroups(List.of(scene.name)).all()).get(scene.name);
      Scene.equal(GroupState.STABLE, group.groupState(), "state");
      Scene.equal("stream", group.partitionAssignor(), "assignor");
      Scene.equal(2, group.members().size(), "members");
      Set<Integer> partitions = new TreeSet<>();
      for (var member : group.members()) {
        for (var each : member.assignment().topicPartitions()) partitions.add(each.partition());
        Scene.check(member.consumerId().contains("StreamThread-1-consumer"), "an id with its thread's name, received " + member.consumerId());
      }
      Scene.equal(Set.of(0, 1, 2, 3), partitions, "partitions");
      var listed = Scene.done(scene.admin.listGroups(new ListGroupsOptions().inGroupStates(Set.of(GroupState.STABLE))).all()).stream().filter(each -> each.groupId().equals(scene.name)).findFirst().get();
      Scene.equal(GroupType.CLASSIC, listed.type().get(), "type");
      Scene.equal("consumer", listed.protocol(), "protocol");
    });

    scenarios.put("a running group keeps its offsets and itself; one that nobody is in gives them", scene -> {
      String in = scene.topic("in", 1);
      scene.send(in, "a=1", "b=2");
      var app = scene.started(builder -> builder.stream(in).foreach((key, value) -> {}));
      Scene.until("a commit", () -> scene.committed(in, 0) == 2);
      var place = new TopicPartition(in, 0);
      Scene.refused(GroupNotEmptyException.class, () -> Scene.done(scene.admin.deleteConsumerGroups(List.of(scene.name)).all()));
      // What an assignor of its own says nobody else can read.
      var kind = Scene.refused(Exception.class, () -> Scene.done(scene.admin.deleteConsumerGroupOffsets(scene.name, Set.of(place)).all()));
      Scene.check(kind instanceof GroupSubscribedToTopicException, "a topic that is subscribed to, received " + kind);
      var moved = Scene.refused(Exception.class, () -> Scene.done(scene.admin.alterConsumerGroupOffsets(scene.name, Map.of(place, new OffsetAndMetadata(1))).all()));
      Scene.check(moved instanceof UnknownMemberIdException, "a member that is not known, received " + moved);
      app.leave();
      Scene.until("an empty group", () -> Scene.done(scene.admin.describeConsumerGroups(List.of(scene.name)).all()).get(scene.name).groupState() == GroupState.EMPTY);
      Scene.done(scene.admin.alterConsumerGroupOffsets(scene.name, Map.of(place, new OffsetAndMetadata(1))).all());
      Scene.equal(1L, scene.committed(in, 0), "committed");
      Scene.done(scene.admin.deleteConsumerGroups(List.of(scene.name)).all());
      Scene.refused(GroupIdNotFoundException.class, () -> Scene.done(scene.admin.describeConsumerGroups(List.of(scene.name)).all()));
    });

    scenarios.put("a member that is sent away comes back", scene -> {
      String in = scene.topic("in", 1);
      String out = scene.topic("out", 1);
      var app = scene.started(builder -> builder.stream(in).to(out));
      Scene.done(scene.admin.removeMembersFromConsumerGroup(scene.name, new org.apache.kafka.clients.admin.RemoveMembersFromConsumerGroupOptions()).all());
      scene.send(in, "a=1");
      scene.expectLast(out, "a=1");
      app.untilTasks("0_0");
    });

    scenarios.put("a static member that comes back has what it had, without a rebalance", scene -> {
      String in = scene.topic("in", 2);
      String out = scene.topic("out", 1);
      Object[] one = {"group.instance.id", "one", "session.timeout.ms", 20_000};
      Object[] two = {"group.instance.id", "two", "session.timeout.ms", 20_000};
      var first = scene.started(builder -> builder.stream(in).to(out), one);
      var second = scene.started(builder -> builder.stream(in).to(out), two);
      Instances.untilShared(List.of(first, second), 2);
      Set<String> had = second.tasks();
      var others = first.streams.metadataForLocalThreads();
      second.close();
      var back = scene.started(builder -> builder.stream(in).to(out), two);
      back.untilTasks(had.toArray(String[]::new));
      Scene.equal(others, first.streams.metadataForLocalThreads(), "the other's threads");
      var members = Scene.done(scene.admin.describeConsumerGroups(List.of(scene.name)).all()).get(scene.name).members();
      Scene.equal(Set.of("one-1", "two-1"), members.stream().map(each -> each.groupInstanceId().get()).collect(java.util.stream.Collectors.toSet()), "instances");
    });
  }
}
