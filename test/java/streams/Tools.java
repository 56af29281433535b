import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.tools.GroupsCommand;
import org.apache.kafka.tools.StreamsResetter;
import org.apache.kafka.tools.consumer.group.ConsumerGroupCommand;
import org.apache.kafka.tools.streams.StreamsGroupCommand;

/** Kafka's own programs for applications. */
class Tools extends Programs {
  static String reset(Scene scene, int code, String... args) throws Exception {
    List<String> all = new ArrayList<>(List.of("--bootstrap-server", scene.address, "--application-id", scene.name));
    all.addAll(List.of(args));
    return printed(code, StreamsResetter::main, all.toArray(String[]::new));
  }

  static void addTo(Map<String, Scenarios.Scenario<Scene>> scenarios) {
    scenarios.put("kafka-streams-application-reset lets an application begin anew", scene -> {
      String in = scene.topic("in", 2);
      String out = scene.topic("out", 1);
      String next = scene.topic("next", 1);
      var first = scene.started(Tables.countingValues(in, out));
      scene.send(in, "1=x", "2=x", "3=y");
      scene.expectLast(out, "x=2", "y=1");
      Scene.until("a commit", () -> scene.committed(in, 0) + scene.committed(in, 1) == 3);
      Checks.matches("active|CommitFailedException", reset(scene, 1, "--input-topics", in));
      first.wipe();
      Checks.matches(scene.name + "-values-repartition", reset(scene, 0, "--input-topics", in, "--dry-run"));
      Scene.equal(List.of("counts-changelog", "in", "next", "out", "values-repartition"), scene.topics(), "topics");
      reset(scene, 0, "--input-topics", in);
      Scene.until("topics that are gone", () -> scene.topics().equals(List.of("in", "next", "out")));
      Scene.equal(0L, scene.committed(in, 0) + scene.committed(in, 1), "committed");
      scene.started(Tables.countingValues(in, next));
      scene.expectSorted(next, List.of("x=1", "x=2", "y=1"));
    });

    scenarios.put("kafka-streams-application-reset goes where it is told, and removes members by force", scene -> {
      String in = scene.topic("in", 1);
      scene.send(in, "a=1", "b=2", "c=3");
      var app = scene.started(builder -> builder.stream(in).foreach((key, value) -> {}), "session.timeout.ms", 30_000);
      Scene.until("a commit", () -> scene.committed(in, 0) == 3);
      app.close();
      reset(scene, 0, "--input-topics", in, "--force", "--to-offset", "1");
      Scene.equal(1L, scene.committed(in, 0), "committed");
      reset(scene, 0, "--input-topics", in, "--shift-by", "1");
      Scene.equal(2L, scene.committed(in, 0), "committed");
      reset(scene, 0, "--input-topics", in, "--to-latest");
      Scene.equal(3L, scene.committed(in, 0), "committed");
      reset(scene, 0, "--input-topics", in, "--to-datetime", "2000-01-01T00:00:00.000");
      Scene.equal(0L, scene.committed(in, 0), "committed");
    });
  }

  static void addClassicTo(Map<String, Scenarios.Scenario<Scene>> scenarios) {
    scenarios.put("kafka-consumer-groups describes an application", scene -> {
      String in = scene.topic("in", 1);
      scene.send(in, "a=1");
      scene.started(builder -> builder.stream(in).foreach((key, value) -> {}));
      Scene.until("a commit", () -> scene.committed(in, 0) == 1);
      String[] group = {"--bootstrap-server", scene.address, "--describe", "--group", scene.name};
      Checks.matches(scene.name + "\\s+" + in + "\\s+0\\s+1\\s+1\\s+0\\s+" + scene.name, printed(0, ConsumerGroupCommand::main, group));
    });
  }

  static void addStreamsTo(Map<String, Scenarios.Scenario<Scene>> scenarios) {
    scenarios.put("kafka-streams-groups lists, describes, moves and deletes groups", scene -> {
      String in = scene.topic("in", 2);
      String out = scene.topic("out", 1);
      var app = scene.started(Tables.countingValues(in, out));
      scene.send(in, "1=x", "2=x", "3=y");
      scene.expectLast(out, "x=2", "y=1");
      Scene.until("a commit", () -> scene.committed(in, 0) + scene.committed(in, 1) == 3);
      Checks.matches("(?m)^" + scene.name + "$", groups(scene, "--list"));
      Checks.matches(scene.name + "\\s+Stable", groups(scene, "--list", "--state"));
      Checks.matches(scene.name + "\\s+Streams\\s+streams", printed(0, GroupsCommand::main, "--bootstrap-server", scene.address, "--list"));
      Checks.matches(scene.name + "\\s+.*Stable\\s+1", groups(scene, "--describe", "--group", scene.name, "--state"));
      Checks.matches(scene.name + "\\s+.*StreamThread-1.*0:\\[0,1\\]", groups(scene, "--describe", "--group", scene.name, "--members"));
      String[] offsets = {"--describe", "--group", scene.name, "--offsets"};
      Checks.matches(scene.name + "\\s+" + in + "\\s+0\\s+.*0", groups(scene, offsets));
      app.leave();
      Checks.matches(in + "\\s+0\\s+0", groups(scene, "--reset-offsets", "--group", scene.name, "--input-topic", in, "--to-earliest", "--dry-run"));
      Scene.equal(3L, scene.committed(in, 0) + scene.committed(in, 1), "committed");
      groups(scene, "--reset-offsets", "--group", scene.name, "--input-topic", in, "--to-earliest", "--execute");
      Scene.equal(0L, scene.committed(in, 0) + scene.committed(in, 1), "committed");
      Checks.matches("Successful", groups(scene, "--delete-offsets", "--group", scene.name, "--input-topic", in));
      Scene.equal(-1L, scene.committed(in, 0), "committed");
      Checks.matches("successful", groups(scene, "--delete", "--group", scene.name, "--delete-all-internal-topics"));
      Scene.until("topics that are gone", () -> scene.topics().equals(List.of("in", "out")));
      Scene.check(!groups(scene, "--list").contains(scene.name), "no such group");
    });
  }

  private static String groups(Scene scene, String... args) throws Exception {
    List<String> all = new ArrayList<>(List.of("--bootstrap-server", scene.address));
    all.addAll(List.of(args));
    return printed(0, StreamsGroupCommand::main, all.toArray(String[]::new));
  }
}
