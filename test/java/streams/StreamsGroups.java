import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.DescribeStreamsGroupsOptions;
import org.apache.kafka.clients.admin.ListGroupsOptions;
import org.apache.kafka.clients.admin.StreamsGroupDescription;
import org.apache.kafka.clients.admin.StreamsGroupMemberAssignment;
import org.apache.kafka.clients.admin.StreamsGroupTopologyDescriptionStatus;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.KafkaShareConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.GroupState;
import org.apache.kafka.common.GroupType;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.GroupIdNotFoundException;
import org.apache.kafka.common.errors.GroupNotEmptyException;
import org.apache.kafka.common.errors.GroupSubscribedToTopicException;
import org.apache.kafka.common.errors.InconsistentGroupProtocolException;
import org.apache.kafka.common.errors.InvalidConfigurationException;
import org.apache.kafka.common.errors.UnknownMemberIdException;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;

/** Groups whose broker deals the tasks out (KIP-1071). */
class StreamsGroups {
  static StreamsGroupDescription described(Scene scene) throws Exception {
    return Scene.done(scene.admin.describeStreamsGroups(List.of(scene.name)).all()).get(scene.name);
  }

  /** Whether the first heartbeat of the first member has made the group. */
  static boolean isThere(Scene scene) throws Exception {
    return Scene.done(scene.admin.listGroups().all()).stream().anyMatch(each -> each.groupId().equals(scene.name));
  }

  static Set<String> names(List<StreamsGroupMemberAssignment.TaskIds> tasks) {
    return tasks.stream().flatMap(each -> each.partitions().stream().map(partition -> each.subtopologyId() + "_" + partition)).collect(Collectors.toCollection(TreeSet::new));
  }

  static void addTo(Map<String, Scenarios.Scenario<Scene>> scenarios) {
    scenarios.put("a running group is described, with its topology, and who has what", scene -> {
      String in = scene.topic("in", 2);
      String out = scene.topic("out", 1);
      Object[] standbys = scene.standbys(1);
      var first = scene.started(Tables.countingValues(in, out), standbys);
      var second = scene.started(Tables.countingValues(in, out), standbys);
      Instances.untilShared(List.of(first, second), 4);
      Scene.until("a stable group", () -> described(scene).groupState() == GroupState.STABLE);
      var group = described(scene);
      Scene.equal(group.groupEpoch(), group.targetAssignmentEpoch(), "epoch");
      Scene.equal(0, group.topologyEpoch(), "topology epoch");
      Scene.equal("sticky", group.assignorName().get(), "assignor");
      Scene.equal(StreamsGroupTopologyDescriptionStatus.NOT_REQUESTED, group.topologyDescriptionStatus(), "status");
      var whole = new DescribeStreamsGroupsOptions().includeTopologyDescription(true);
      var asked = Scene.done(scene.admin.describeStreamsGroups(List.of(scene.name), whole).all()).get(scene.name);
      Scene.equal(StreamsGroupTopologyDescriptionStatus.NOT_STORED, asked.topologyDescriptionStatus(), "status");
      Scene.check(asked.topologyDescription().isEmpty(), "no description of the topology");
      var parts = List.copyOf(group.subtopologies());
      Scene.equal(List.of("0", "1"), parts.stream().map(each -> each.subtopologyId()).toList(), "subtopologies");
      Scene.equal(List.of(in), parts.get(0).sourceTopics(), "source topics");
      String repartition = scene.name + "-values-repartition";
      Scene.equal(List.of(repartition), parts.get(0).repartitionSinkTopics(), "repartition sink topics");
      var read = parts.get(1).repartitionSourceTopics().get(repartition);
      Scene.equal(2, read.partitions(), "partitions");
      Scene.equal("delete", read.topicConfigs().get("cleanup.policy"), "policy");
      var changelog = parts.get(1).stateChangelogTopics().get(scene.name + "-counts-changelog");
      Scene.equal(2, changelog.partitions(), "partitions");
      Scene.equal(2, group.members().size(), "members");
      for (var member : group.members()) {
        App app = member.processId().equals(processOf(first)) ? first : second;
        Scene.equal(processOf(app), member.processId(), "process");
        Scene.equal(app.tasks(), names(member.assignment().activeTasks()), "active tasks");
        Scene.equal(app.standbys(), names(member.assignment().standbyTasks()), "standby tasks");
        Scene.equal(member.assignment(), member.targetAssignment(), "target");
        Scene.equal(group.groupEpoch(), member.memberEpoch(), "member epoch");
        Scene.equal(0, member.topologyEpoch(), "topology epoch");
        Scene.check(!member.isClassic(), "no classic member");
        Scene.check(member.clientId().contains("StreamThread-1-consumer"), "an id with its thread's name, received " + member.clientId());
      }
      var listed = Scene.done(scene.admin.listGroups(ListGroupsOptions.forStreamsGroups()).all()).stream().filter(each -> each.groupId().equals(scene.name)).findFirst().get();
      Scene.equal(GroupType.STREAMS, listed.type().get(), "type");
      Scene.equal("streams", listed.protocol(), "protocol");
      Scene.equal(GroupState.STABLE, listed.groupState().get(), "state");
    });

    scenarios.put("a running group keeps its offsets and itself; one that nobody is in gives them", scene -> {
      String in = scene.topic("in", 1);
      scene.send(in, "a=1", "b=2");
      var app = scene.started(builder -> builder.stream(in).foreach((key, value) -> {}));
      Scene.until("a commit", () -> scene.committed(in, 0) == 2);
      var place = new TopicPartition(in, 0);
      Scene.refused(GroupNotEmptyException.class, () -> Scene.done(scene.admin.deleteStreamsGroups(List.of(scene.name)).all()));
      Scene.refused(GroupSubscribedToTopicException.class, () -> Scene.done(scene.admin.deleteStreamsGroupOffsets(scene.name, Set.of(place)).all()));
      Scene.refused(UnknownMemberIdException.class, () -> Scene.done(scene.admin.alterStreamsGroupOffsets(scene.name, Map.of(place, new OffsetAndMetadata(1))).all()));
      app.leave();
      Scene.equal(GroupState.EMPTY, described(scene).groupState(), "state");
      Scene.done(scene.admin.alterStreamsGroupOffsets(scene.name, Map.of(place, new OffsetAndMetadata(1))).all());
      Scene.equal(1L, scene.committed(in, 0), "committed");
      Scene.done(scene.admin.deleteStreamsGroupOffsets(scene.name, Set.of(place)).all());
      Scene.equal(-1L, scene.committed(in, 0), "committed");
      Scene.done(scene.admin.deleteStreamsGroups(List.of(scene.name)).all());
      Scene.refused(GroupIdNotFoundException.class, () -> described(scene));
    });

    scenarios.put("standbys come when the group is told to have some, and go again", scene -> {
      String in = scene.topic("in", 2);
      String out = scene.topic("out", 1);
      var first = scene.started(Tables.counting(in, out));
      var second = scene.started(Tables.counting(in, out));
      Instances.untilShared(List.of(first, second), 2);
      Scene.equal(0, first.standbys().size() + second.standbys().size(), "standbys");
      scene.standbys(1);
      Scene.until("standbys", () -> first.standbys().equals(second.tasks()) && second.standbys().equals(first.tasks()));
      scene.standbys(0);
      Scene.until("no standbys", () -> first.standbys().size() + second.standbys().size() == 0);
    });

    scenarios.put("what cannot be is no config of a group", scene -> {
      Scene.refused(InvalidConfigurationException.class, () -> scene.configure("streams.num.standby.replicas", 3));
      Scene.refused(InvalidConfigurationException.class, () -> scene.configure("streams.num.standby.replicas", -1));
      Scene.refused(InvalidConfigurationException.class, () -> scene.configure("streams.session.timeout.ms", 61_000));
      Scene.refused(InvalidConfigurationException.class, () -> scene.configure("streams.heartbeat.interval.ms", 16_000));
      Scene.refused(InvalidConfigurationException.class, () -> scene.configure("streams.assignment.interval.ms", 16_000));
      Scene.refused(InvalidConfigurationException.class, () -> scene.configure("streams.initial.rebalance.delay.ms", -1));
      scene.configure("streams.session.timeout.ms", 50_000);
      Scene.refused(InvalidConfigurationException.class, () -> scene.configure("streams.assignor.name", "uniform"));
      Scene.refused(InvalidConfigurationException.class, () -> scene.configure("streams.rack.aware.assignment.tags", "zone,zone"));
      Scene.refused(InvalidConfigurationException.class, () -> scene.configure("streams.task.offset.interval.ms", 14_999));
      Scene.refused(InvalidConfigurationException.class, () -> scene.configure("streams.num.warmup.replicas", 21));
      scene.configure("streams.assignor.name", "sticky");
    });

    scenarios.put("a static instance that goes keeps its tasks for who comes back in its place", scene -> {
      String in = scene.topic("in", 2);
      String out = scene.topic("out", 1);
      var first = scene.started(Tables.counting(in, out), "group.instance.id", "one");
      var second = scene.started(Tables.counting(in, out));
      Instances.untilShared(List.of(first, second), 2);
      var tasks = first.tasks();
      var others = second.tasks();
      first.streams.close(Duration.ofSeconds(5));
      Scene.equal(Set.of(-2), epochsOf(scene, true), "epoch");
      var next = scene.started(Tables.counting(in, out), "group.instance.id", "one");
      Scene.until("the tasks of the first", () -> next.tasks().equals(tasks));
      Scene.equal(others, second.tasks(), "tasks");
      Scene.until("a stable group", () -> described(scene).groupState() == GroupState.STABLE);
      Scene.equal(epochsOf(scene, false), epochsOf(scene, true), "epoch");
    });

    scenarios.put("an instance is told which client tags it is to have, and goes on", scene -> {
      String in = scene.topic("in", 1);
      String out = scene.topic("out", 1);
      scene.configure("streams.rack.aware.assignment.tags", "zone");
      scene.started(Tables.counting(in, out), "client.tag.zone", "east");
      var member = described(scene).members().iterator().next();
      Scene.equal(Map.of("zone", "east"), member.clientTags(), "tags");
      scene.configure("streams.rack.aware.assignment.tags", "zone,cluster");
      Scene.until("another epoch", () -> described(scene).groupEpoch() > member.memberEpoch());
      scene.send(in, "a=x");
      scene.expectLast(out, "a=1");
    });

    scenarios.put("the first instance waits for others where the group is told to", scene -> {
      String in = scene.topic("in", 2);
      String out = scene.topic("out", 1);
      scene.configure("streams.initial.rebalance.delay.ms", 1500);
      long started = System.nanoTime();
      var first = scene.app(builder -> builder.stream(in).to(out));
      first.streams.start();
      var second = scene.app(builder -> builder.stream(in).to(out));
      second.streams.start();
      Scene.until("members", () -> isThere(scene) && described(scene).members().size() == 2);
      Scene.equal(GroupState.ASSIGNING, described(scene).groupState(), "state");
      Instances.untilShared(List.of(first, second), 2);
      Scene.check(System.nanoTime() - started > 1_500_000_000L, "a while");
    });

    scenarios.put("one that fails for all ends all", scene -> {
      String in = scene.topic("in", 2);
      String out = scene.topic("out", 1);
      var first = scene.started(builder -> builder.stream(in).to(out));
      var second = scene.app(builder -> builder.<String, String>stream(in).mapValues(value -> String.valueOf(1 / Integer.parseInt(value))).to(out));
      second.streams.setUncaughtExceptionHandler(error -> StreamThreadExceptionResponse.SHUTDOWN_APPLICATION);
      second.start();
      Instances.untilShared(List.of(first, second), 2);
      int partition = Integer.parseInt(second.tasks().iterator().next().substring(2));
      scene.sendTo(in, partition, "a=0");
      Scene.until("the end of both", () -> first.streams.state() == KafkaStreams.State.ERROR && second.streams.state() == KafkaStreams.State.ERROR);
    });

    scenarios.put("another topology is refused while the group is there", scene -> {
      String in = scene.topic("in", 1);
      String out = scene.topic("out", 1);
      var first = scene.started(builder -> builder.stream(in).to(out));
      first.leave();
      var other = scene.app(Tables.counting(in, out));
      other.streams.start();
      Scene.until("an error", () -> !other.errors.isEmpty());
      other.close();
      Scene.done(scene.admin.deleteStreamsGroups(List.of(scene.name)).all());
      scene.started(Tables.counting(in, out));
      scene.send(in, "a=x");
      scene.expectLast(out, "a=1");
    });

    scenarios.put("an application that changes its protocol while it is down goes on where it was", scene -> {
      String in = scene.topic("in", 2);
      String out = scene.topic("out", 1);
      var first = scene.started(Tables.counting(in, out), "group.protocol", "classic");
      scene.send(in, "a=x", "b=x");
      scene.expectLast(out, "a=1", "b=1");
      first.wipe();
      var second = scene.started(Tables.counting(in, out));
      scene.send(in, "a=x", "b=x");
      scene.expectLast(out, "a=2", "b=2");
      Scene.until("a commit", () -> scene.committed().values().stream().mapToLong(each -> each.offset()).sum() == 4);
      second.wipe();
      scene.started(Tables.counting(in, out), "group.protocol", "classic");
      scene.send(in, "a=x", "b=x");
      scene.expectLast(out, "a=3", "b=3");
      Scene.equal(6, scene.settled(out, "read_uncommitted", 6).size(), "records");
    });

    scenarios.put("nobody else can be in such a group, nor it in another's", scene -> {
      String in = scene.topic("in", 1);
      String out = scene.topic("out", 1);
      scene.started(builder -> builder.stream(in).to(out));
      var strings = new StringDeserializer();
      try (var consumer = new KafkaConsumer<>(scene.config(Map.of("group.id", scene.name, "group.protocol", "consumer")), strings, strings)) {
        consumer.subscribe(List.of(in));
        Scene.refused(GroupIdNotFoundException.class, () -> {
          while (true) consumer.poll(Duration.ofMillis(100));
        });
      }
      try (var consumer = new KafkaConsumer<>(scene.config(Map.of("group.id", scene.name)), strings, strings)) {
        consumer.subscribe(List.of(in));
        Scene.refused(InconsistentGroupProtocolException.class, () -> {
          while (true) consumer.poll(Duration.ofMillis(100));
        });
      }
      try (var consumer = new KafkaShareConsumer<>(scene.config(Map.of("group.id", scene.name)), strings, strings)) {
        consumer.subscribe(List.of(in));
        Scene.refused(GroupIdNotFoundException.class, () -> {
          while (true) consumer.poll(Duration.ofMillis(100));
        });
      }
      scene.send(in, "a=1");
      scene.expectLast(out, "a=1");
    });

    scenarios.put("an application is none of a group of consumers", scene -> {
      String in = scene.topic("in", 1);
      String out = scene.topic("out", 1);
      var strings = new StringDeserializer();
      try (var consumer = new KafkaConsumer<>(scene.config(Map.of("group.id", scene.name, "group.protocol", "consumer")), strings, strings)) {
        consumer.subscribe(List.of(in));
        Scene.until("a partition", () -> {
          consumer.poll(Duration.ofMillis(50));
          return !consumer.assignment().isEmpty();
        });
        var app = scene.app(builder -> builder.stream(in).to(out));
        app.streams.start();
        Scene.until("an error", () -> !app.errors.isEmpty());
        Scene.check(Topics.causes(app.errors.get(0), GroupIdNotFoundException.class), "a group that is another, received " + app.errors.get(0));
      }
    });
  }

  /** Those of the static members, or of the others. */
  static Set<Integer> epochsOf(Scene scene, boolean isStatic) throws Exception {
    return described(scene).members().stream().filter(each -> each.instanceId().isPresent() == isStatic).map(each -> each.memberEpoch()).collect(Collectors.toSet());
  }

  static String processOf(App app) {
    String threadName = app.streams.metadataForLocalThreads().iterator().next().threadName();
    return threadName.substring(threadName.indexOf('-', threadName.indexOf('-') + 1) + 1, threadName.indexOf("-StreamThread"));
  }
}
