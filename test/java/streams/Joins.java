import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.JoinWindows;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.KTable;
import org.apache.kafka.streams.kstream.StreamJoined;
import org.apache.kafka.streams.kstream.TableJoined;

/** Two streams or tables that become one. */
class Joins {
  static void addTo(Map<String, Scenarios.Scenario<Scene>> scenarios) {
    scenarios.put("two tables have what both have, and what either has", scene -> {
      String left = scene.topic("left", 2);
      String right = scene.topic("right", 2);
      String inner = scene.topic("inner", 1);
      String outer = scene.topic("outer", 1);
      scene.started(builder -> {
        KTable<String, String> a = builder.table(left);
        KTable<String, String> b = builder.table(right);
        a.join(b, (x, y) -> x + y).toStream().to(inner);
        a.outerJoin(b, (x, y) -> x + "+" + y).toStream().to(outer);
      });
      scene.send(left, "a=1", "b=2");
      scene.send(right, "b=3", "c=4");
      scene.expectLast(inner, "b=23");
      scene.expectLast(outer, "a=1+null", "b=2+3", "c=null+4");
      scene.send(left, "b=");
      scene.expectLast(inner);
      scene.expectLast(outer, "a=1+null", "b=null+3", "c=null+4");
    });

    scenarios.put("a table finds another by what it says of it", scene -> {
      String orders = scene.topic("orders", 2);
      String people = scene.topic("people", 3);
      String out = scene.topic("out", 1);
      scene.started(builder -> {
        KTable<String, String> a = builder.table(orders);
        KTable<String, String> b = builder.table(people);
        a.<String, String, String>join(b, order -> order.substring(0, 1), (order, person) -> order + " of " + person, TableJoined.as("by-person")).toStream().to(out);
      });
      scene.send(orders, "1=a tea", "2=b jam", "3=a pie");
      scene.send(people, "a=Ada");
      scene.expectLast(out, "1=a tea of Ada", "3=a pie of Ada");
      scene.send(people, "b=Bob", "a=");
      scene.expectLast(out, "2=b jam of Bob");
      scene.send(orders, "2=");
      scene.expectLast(out);
    });

    scenarios.put("two streams meet within a window", scene -> {
      String left = scene.topic("left", 1);
      String right = scene.topic("right", 1);
      String out = scene.topic("out", 1);
      scene.started(builder -> {
        KStream<String, String> a = builder.stream(left);
        KStream<String, String> b = builder.stream(right);
        a.join(b, (x, y) -> x + y, JoinWindows.ofTimeDifferenceAndGrace(Duration.ofSeconds(1), Duration.ofSeconds(10)), StreamJoined.as("near")).to(out);
      });
      scene.sendAt(left, Windows.T, "a=1", "b=2");
      scene.sendAt(right, Windows.T + 900, "a=x");
      scene.sendAt(right, Windows.T + 1100, "b=y");
      scene.expect(out, "a=1x");
      // The one of the left stream reaches as far, and the window of a join is twice as long.
      String retention = String.valueOf(2000 + 10_000 + 24 * 3_600_000);
      for (String side : List.of("this", "other")) {
        Scene.equal(Map.of("cleanup.policy", "delete", "message.timestamp.type", "CreateTime", "retention.ms", retention), scene.configs(scene.name + "-near-" + side + "-join-store-changelog"), "configs");
      }
    });

    scenarios.put("who meets nobody is told of alone, once its window is over", scene -> {
      String left = scene.topic("left", 1);
      String right = scene.topic("right", 1);
      String out = scene.topic("out", 1);
      scene.started(builder -> {
        KStream<String, String> a = builder.stream(left);
        KStream<String, String> b = builder.stream(right);
        a.outerJoin(b, (x, y) -> x + "+" + y, JoinWindows.ofTimeDifferenceWithNoGrace(Duration.ofSeconds(1))).to(out);
        // By default it looks for them once a second.
      }, StreamsConfig.InternalConfig.EMIT_INTERVAL_MS_KSTREAMS_OUTER_JOIN_SPURIOUS_RESULTS_FIX, 0L);
      scene.sendAt(left, Windows.T, "a=1", "b=2");
      scene.sendAt(right, Windows.T + 500, "a=x");
      scene.sendAt(right, Windows.T + 10_000, "c=z");
      scene.sendAt(left, Windows.T + 10_000, "d=4");
      scene.expectSorted(out, List.of("a=1+x", "b=2+null"));
    });

    scenarios.put("a stream is told what its table has, though its key is another", scene -> {
      String people = scene.topic("people", 3);
      String orders = scene.topic("orders", 2);
      String out = scene.topic("out", 1);
      scene.send(people, "a=Ada", "b=Bob");
      scene.started(builder -> {
        KTable<String, String> table = builder.table(people);
        builder.<String, String>stream(orders).selectKey((id, person) -> person).leftJoin(table, (order, person) -> "for " + person).to(out);
      });
      scene.send(orders, "1=a", "2=b", "3=c");
      scene.expectSorted(out, List.of("a=for Ada", "b=for Bob", "c=for null"));
      // As many as the table that it meets.
      String repartition = scene.topics().stream().filter(each -> each.endsWith("-repartition")).findFirst().get();
      Scene.equal(3, scene.partitions(scene.name + "-" + repartition), "partitions");
    });
  }
}
