import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.apache.kafka.common.GroupState;
import org.apache.kafka.common.utils.Exit;
import org.apache.kafka.tools.GroupsCommand;
import org.apache.kafka.tools.consumer.ConsoleShareConsumer;
import org.apache.kafka.tools.consumer.group.ShareGroupCommand;

/** Kafka's own programs for share groups. */
class Tools {
  /** Ends a program in place of the process. */
  static class Exited extends RuntimeException {}

  interface Program {
    void main(String[] args) throws Exception;
  }

  /** What a program prints, run in this process. */
  static String printed(Program program, String... args) throws Exception {
    PrintStream out = System.out;
    PrintStream err = System.err;
    var bytes = new ByteArrayOutputStream();
    var into = new PrintStream(bytes, true);
    // Some take the end for an error of theirs, and end once more.
    List<Integer> codes = new ArrayList<>();
    Exit.setExitProcedure((code, message) -> {
      codes.add(code);
      throw new Exited();
    });
    System.setOut(into);
    System.setErr(into);
    try {
      program.main(args);
    } catch (Exited ended) {
      if (codes.get(0) != 0) throw new AssertionError("ended with " + codes.get(0) + ":\n" + bytes);
    } finally {
      System.setOut(out);
      System.setErr(err);
      Exit.resetExitProcedure();
    }
    return bytes.toString();
  }

  static String groups(Scene scene, String... args) throws Exception {
    List<String> all = new ArrayList<>(List.of("--bootstrap-server", scene.address));
    all.addAll(List.of(args));
    return printed(ShareGroupCommand::main, all.toArray(String[]::new));
  }

  static void matches(String regex, String text) {
    if (!Pattern.compile(regex).matcher(text).find()) throw new AssertionError("expected " + regex + " in\n" + text);
  }

  static void addTo(Map<String, Main.Scenario> scenarios) {
    scenarios.put("kafka-console-share-consumer reads, and accepts", scene -> {
      scene.prepare(1).produce("a", "b");
      String output = printed(ConsoleShareConsumer::main, "--bootstrap-server", scene.address, "--topic", scene.topic, "--group", scene.group, "--max-messages", "2", "--timeout-ms", "15000");
      matches("(?m)^a$", output);
      matches("(?m)^b$", output);
      scene.untilLeft(0);
    });

    scenarios.put("kafka-share-groups lists, describes, moves and deletes groups", scene -> {
      scene.prepare(1).produce("a", "b", "c");
      var consumer = scene.consumer("client.id", "ada");
      Scene.read(consumer, 3);
      consumer.commitSync();
      matches("(?m)^" + scene.group + "$", groups(scene, "--list"));
      matches(scene.group + "\\s+Share\\s+share", printed(GroupsCommand::main, "--bootstrap-server", scene.address, "--list"));
      matches(scene.group + "\\s+Stable", groups(scene, "--list", "--state"));
      matches(scene.group + "\\s+.*ada.*" + scene.topic + ":0", groups(scene, "--describe", "--group", scene.group, "--members"));
      matches(scene.group + "\\s+.*Stable\\s+1", groups(scene, "--describe", "--group", scene.group, "--state"));
      consumer.close();
      Administration.untilState(scene, GroupState.EMPTY);
      matches(scene.group + "\\s+" + scene.topic + "\\s+0\\s+\\d+\\s+0", groups(scene, "--describe", "--group", scene.group, "--offsets"));
      matches(scene.topic + "\\s+0\\s+0", groups(scene, "--reset-offsets", "--to-earliest", "--group", scene.group, "--topic", scene.topic, "--execute"));
      Scene.equal(0L, scene.offsets(0).startOffset(), "start offset");
      matches(scene.topic + "\\s+0\\s+3", groups(scene, "--reset-offsets", "--to-latest", "--group", scene.group, "--topic", scene.topic, "--dry-run"));
      Scene.equal(0L, scene.offsets(0).startOffset(), "start offset");
      matches(scene.topic, groups(scene, "--delete-offsets", "--group", scene.group, "--topic", scene.topic));
      matches("successful", groups(scene, "--delete", "--group", scene.group));
      Scene.check(!groups(scene, "--list").contains(scene.group), "no such group");
    });
  }
}
