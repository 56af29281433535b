import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.GroupState;
import org.apache.kafka.tools.GroupsCommand;
import org.apache.kafka.tools.consumer.ConsoleShareConsumer;
import org.apache.kafka.tools.consumer.group.ShareGroupCommand;

/** Kafka's own programs for share groups. */
class Tools extends Programs {
  static String groups(Scene scene, String... args) throws Exception {
    List<String> all = new ArrayList<>(List.of("--bootstrap-server", scene.address));
    all.addAll(List.of(args));
    return printed(0, ShareGroupCommand::main, all.toArray(String[]::new));
  }

  static void moves(Scene scene, long offset, String... args) throws Exception {
    List<String> all = new ArrayList<>(List.of("--reset-offsets", "--group", scene.group));
    all.addAll(List.of(args));
    Checks.matches(scene.topic + "\\s+0\\s+" + offset + "\\b", groups(scene, all.toArray(String[]::new)));
  }

  static void addTo(Map<String, Scenarios.Scenario<Scene>> scenarios) {
    scenarios.put("kafka-console-share-consumer reads, and accepts", scene -> {
      scene.prepare(1).produce("a", "b");
      String output = printed(0, ConsoleShareConsumer::main, "--bootstrap-server", scene.address, "--topic", scene.topic, "--group", scene.group, "--max-messages", "2", "--timeout-ms", "15000");
      Checks.matches("(?m)^a$", output);
      Checks.matches("(?m)^b$", output);
      scene.untilLeft(0);
    });

    scenarios.put("kafka-share-groups lists, describes, moves and deletes groups", scene -> {
      scene.prepare(1).produce("a", "b", "c");
      var consumer = scene.consumer("client.id", "ada");
      Scene.read(consumer, 3);
      consumer.commitSync();
      Checks.matches("(?m)^" + scene.group + "$", groups(scene, "--list"));
      Checks.matches(scene.group + "\\s+Share\\s+share", printed(0, GroupsCommand::main, "--bootstrap-server", scene.address, "--list"));
      Checks.matches(scene.group + "\\s+Stable", groups(scene, "--list", "--state"));
      Checks.matches(scene.group + "\\s+.*ada.*" + scene.topic + ":0", groups(scene, "--describe", "--group", scene.group, "--members"));
      Checks.matches(scene.group + "\\s+.*Stable\\s+1", groups(scene, "--describe", "--group", scene.group, "--state"));
      consumer.close();
      Administration.untilState(scene, GroupState.EMPTY);
      Checks.matches(scene.group + "\\s+" + scene.topic + "\\s+0\\s+\\d+\\s+0", groups(scene, "--describe", "--group", scene.group, "--offsets"));
      Checks.matches(scene.topic + "\\s+0\\s+0", groups(scene, "--reset-offsets", "--to-earliest", "--group", scene.group, "--topic", scene.topic, "--execute"));
      Scene.equal(0L, scene.offsets(0).startOffset(), "start offset");
      Checks.matches(scene.topic + "\\s+0\\s+3", groups(scene, "--reset-offsets", "--to-latest", "--group", scene.group, "--topic", scene.topic, "--dry-run"));
      Scene.equal(0L, scene.offsets(0).startOffset(), "start offset");
      Checks.matches(scene.topic, groups(scene, "--delete-offsets", "--group", scene.group, "--topic", scene.topic));
      Checks.matches("successful", groups(scene, "--delete", "--group", scene.group));
      Scene.check(!groups(scene, "--list").contains(scene.group), "no such group");
    });

    scenarios.put("kafka-share-groups moves a group to an offset, not beyond the end, and to where a file says", scene -> {
      scene.prepare(1).produce("a", "b", "c");
      var consumer = scene.consumer();
      Scene.read(consumer, 3);
      consumer.commitSync();
      consumer.close();
      Administration.untilState(scene, GroupState.EMPTY);
      moves(scene, 1, "--to-offset", "1", "--topic", scene.topic + ":0", "--execute");
      Scene.equal(1L, scene.offsets(0).startOffset(), "start offset");
      moves(scene, 3, "--to-offset", "99", "--topic", scene.topic, "--dry-run");
      moves(scene, 1, "--to-current", "--all-topics", "--dry-run");
      String exported = groups(scene, "--reset-offsets", "--group", scene.group, "--to-current", "--all-topics", "--export", "--dry-run");
      Checks.matches("(?m)^" + scene.topic + ",0,1$", exported);
      Path file = Files.writeString(Files.createTempFile("brokerlet-offsets", ".csv"), exported.strip().replace(",0,1", ",0,2"));
      moves(scene, 2, "--from-file", file.toString(), "--execute");
      Files.delete(file);
      Scene.equal(2L, scene.offsets(0).startOffset(), "start offset");
      Scene.equal(List.of("c"), Scene.read(scene.consumer(), 1).stream().map(record -> record.value()).toList(), "values");
    });
  }
}
