import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.apache.kafka.streams.KafkaStreams;

/** Several instances that share the tasks of an application. */
class Instances {
  /** Until each task is at exactly one of them, and all of them have some. */
  static void untilShared(List<App> apps, int tasks) throws Exception {
    Scene.until(tasks + " tasks shared by " + apps, () -> {
      List<String> all = new ArrayList<>();
      for (App app : apps) {
        if (app.streams.state() != KafkaStreams.State.RUNNING || app.tasks().isEmpty()) return false;
        all.addAll(app.tasks());
      }
      return all.size() == tasks && new TreeSet<>(all).size() == tasks;
    });
  }

  static List<String> numbers(int from, int to) {
    return IntStream.range(from, to).mapToObj(each -> "k" + each + "=" + each).toList();
  }

  static void addTo(Map<String, Scenarios.Scenario<Scene>> scenarios) {
    scenarios.put("two instances share the tasks, and one that leaves hands its own over", scene -> {
      String in = scene.topic("in", 4);
      String out = scene.topic("out", 1);
      var first = scene.started(builder -> builder.stream(in).to(out));
      first.untilTasks("0_0", "0_1", "0_2", "0_3");
      var second = scene.started(builder -> builder.stream(in).to(out));
      untilShared(List.of(first, second), 4);
      Scene.equal(2, first.tasks().size(), "tasks of the first");
      scene.send(in, numbers(0, 20).toArray(String[]::new));
      scene.expectSorted(out, numbers(0, 20));
      first.leave();
      second.untilTasks("0_0", "0_1", "0_2", "0_3");
      scene.send(in, numbers(20, 40).toArray(String[]::new));
      scene.expectSorted(out, numbers(0, 40));
    });

    scenarios.put("one that is closed without leaving is gone when its session is over", scene -> {
      String in = scene.topic("in", 2);
      String out = scene.topic("out", 1);
      var first = scene.started(builder -> builder.stream(in).to(out));
      var second = scene.started(builder -> builder.stream(in).to(out));
      untilShared(List.of(first, second), 2);
      second.close();
      first.untilTasks("0_0", "0_1");
      scene.send(in, numbers(0, 10).toArray(String[]::new));
      scene.expectSorted(out, numbers(0, 10));
    });

    scenarios.put("three instances share what one had, with its tables", scene -> {
      String in = scene.topic("in", 6);
      String out = scene.topic("out", 1);
      var apps = new ArrayList<App>();
      apps.add(scene.started(Tables.counting(in, out), "acceptable.recovery.lag", Long.MAX_VALUE));
      scene.send(in, numbers(0, 30).toArray(String[]::new));
      scene.expectLast(out, IntStream.range(0, 30).mapToObj(each -> "k" + each + "=1").toArray(String[]::new));
      apps.add(scene.started(Tables.counting(in, out), "acceptable.recovery.lag", Long.MAX_VALUE));
      untilShared(apps, 6);
      apps.add(scene.started(Tables.counting(in, out), "acceptable.recovery.lag", Long.MAX_VALUE));
      untilShared(apps, 6);
      Scene.equal(List.of(2, 2, 2), apps.stream().map(each -> each.tasks().size()).toList(), "tasks");
      scene.send(in, numbers(0, 30).toArray(String[]::new));
      scene.expectLast(out, IntStream.range(0, 30).mapToObj(each -> "k" + each + "=2").toArray(String[]::new));
      apps.remove(0).leave();
      untilShared(apps, 6);
      scene.send(in, numbers(0, 30).toArray(String[]::new));
      scene.expectLast(out, IntStream.range(0, 30).mapToObj(each -> "k" + each + "=3").toArray(String[]::new));
    });

    scenarios.put("one that is killed is replaced, with its table", scene -> {
      String in = scene.topic("in", 2);
      String out = scene.topic("out", 1);
      var killed = scene.process("count");
      scene.send(in, numbers(0, 10).toArray(String[]::new));
      scene.expectLast(out, IntStream.range(0, 10).mapToObj(each -> "k" + each + "=1").toArray(String[]::new));
      Scene.until("a commit", () -> scene.committed().values().stream().mapToLong(each -> each.offset()).sum() == 10);
      killed.kill();
      scene.app(Tables.counting(in, out)).streams.start();
      scene.send(in, numbers(0, 10).toArray(String[]::new));
      scene.expectLast(out, IntStream.range(0, 10).mapToObj(each -> "k" + each + "=2").toArray(String[]::new));
    });

    scenarios.put("a thread that is added takes tasks, and gives them back when it is removed", scene -> {
      String in = scene.topic("in", 4);
      String out = scene.topic("out", 1);
      var app = scene.started(builder -> builder.stream(in).to(out));
      Scene.check(app.streams.addStreamThread().isPresent(), "another thread");
      Scene.until("two threads with two tasks", () -> app.streams.metadataForLocalThreads().stream().map(each -> each.activeTasks().size()).toList().equals(List.of(2, 2)));
      scene.send(in, numbers(0, 20).toArray(String[]::new));
      scene.expectSorted(out, numbers(0, 20));
      Scene.check(app.streams.removeStreamThread().isPresent(), "one thread less");
      Scene.until("one thread with all", () -> app.streams.metadataForLocalThreads().stream().map(each -> each.activeTasks().size()).toList().equals(List.of(4)));
      scene.send(in, numbers(20, 30).toArray(String[]::new));
      scene.expectSorted(out, numbers(0, 30));
    });

    scenarios.put("a standby follows, and takes over", scene -> {
      String in = scene.topic("in", 2);
      String out = scene.topic("out", 1);
      Object[] standbys = scene.standbys(1);
      var first = scene.started(Tables.counting(in, out), standbys);
      scene.send(in, numbers(0, 10).toArray(String[]::new));
      var second = scene.started(Tables.counting(in, out), standbys);
      Scene.until("a task and a standby each", () -> first.tasks().size() == 1 && second.tasks().equals(first.standbys()) && first.tasks().equals(second.standbys()));
      scene.expectLast(out, IntStream.range(0, 10).mapToObj(each -> "k" + each + "=1").toArray(String[]::new));
      Scene.until("standbys that have all", () -> lagsOf(first) == 0 && lagsOf(second) == 0);
      first.leave();
      second.untilTasks("0_0", "0_1");
      Scene.equal(Set.of(), second.standbys(), "standbys");
      scene.send(in, numbers(0, 10).toArray(String[]::new));
      scene.expectLast(out, IntStream.range(0, 10).mapToObj(each -> "k" + each + "=2").toArray(String[]::new));
    });

    scenarios.put("a topology of several parts has its tasks at all instances", scene -> {
      String in = scene.topic("in", 3);
      String out = scene.topic("out", 1);
      var first = scene.started(Tables.countingValues(in, out));
      var second = scene.started(Tables.countingValues(in, out));
      untilShared(List.of(first, second), 6);
      Scene.equal(3, first.tasks().size(), "tasks");
      scene.send(in, "1=x", "2=x", "3=y", "4=x", "5=y");
      scene.expectLast(out, "x=3", "y=2");
    });
  }

  static long lagsOf(App app) {
    return app.streams.allLocalStorePartitionLags().values().stream().flatMap(each -> each.values().stream()).mapToLong(each -> each.offsetLag()).sum();
  }
}
