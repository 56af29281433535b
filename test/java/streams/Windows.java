import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.SessionWindows;
import org.apache.kafka.streams.kstream.SlidingWindows;
import org.apache.kafka.streams.kstream.Suppressed;
import org.apache.kafka.streams.kstream.Suppressed.BufferConfig;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.kstream.Windowed;
import org.apache.kafka.streams.state.WindowStore;

/** What is counted by time. */
class Windows {
  // Far from now, and long enough ago that no retention of a quarter of an hour takes what is written now: by what records say
  // of their time.
  static final long T = System.currentTimeMillis() / 60_000 * 60_000;

  static void tell(KStream<Windowed<String>, Long> counts, String out) {
    counts.map((window, count) -> org.apache.kafka.streams.KeyValue.pair(window.key() + "@" + (window.window().start() - T), count == null ? null : String.valueOf(count))).to(out);
  }

  static void addTo(Map<String, Scenarios.Scenario<Scene>> scenarios) {
    scenarios.put("a window counts what is late within its grace, and drops what is later", scene -> {
      String in = scene.topic("in", 1);
      String out = scene.topic("out", 1);
      scene.started(builder -> tell(builder.<String, String>stream(in).groupByKey()
        .windowedBy(TimeWindows.ofSizeAndGrace(Duration.ofSeconds(1), Duration.ofSeconds(1))).count(Materialized.as("counts")).toStream(), out));
      scene.sendAt(in, T + 100, "a=x");
      scene.sendAt(in, T + 900, "a=x");
      scene.sendAt(in, T + 1500, "a=x");
      scene.sendAt(in, T + 200, "a=x");
      scene.sendAt(in, T + 2500, "a=x");
      scene.sendAt(in, T + 300, "a=x");
      scene.expect(out, "a@0=1", "a@0=2", "a@1000=1", "a@0=3", "a@2000=1");
      String retention = String.valueOf(2000 + 24 * 3_600_000);
      Scene.equal(Map.of("cleanup.policy", "compact,delete", "message.timestamp.type", "CreateTime", "retention.ms", retention), scene.configs(scene.name + "-counts-changelog"), "configs");
    });

    scenarios.put("windows that overlap count a record each", scene -> {
      String in = scene.topic("in", 1);
      String out = scene.topic("out", 1);
      scene.started(builder -> tell(builder.<String, String>stream(in).groupByKey()
        .windowedBy(TimeWindows.ofSizeWithNoGrace(Duration.ofSeconds(2)).advanceBy(Duration.ofSeconds(1))).count().toStream(), out));
      scene.sendAt(in, T + 1500, "a=x");
      scene.expect(out, "a@0=1", "a@1000=1");
    });

    scenarios.put("a session grows, and two become one", scene -> {
      String in = scene.topic("in", 1);
      String out = scene.topic("out", 1);
      scene.started(builder -> tell(builder.<String, String>stream(in).groupByKey()
        .windowedBy(SessionWindows.ofInactivityGapAndGrace(Duration.ofSeconds(1), Duration.ofSeconds(10))).count(Materialized.as("sessions")).toStream(), out));
      scene.sendAt(in, T + 100, "a=x");
      scene.sendAt(in, T + 1900, "a=x");
      scene.sendAt(in, T + 1000, "a=x");
      scene.expect(out, "a@100=1", "a@1900=1", "a@100=", "a@1900=", "a@100=3");
      Scene.equal("compact,delete", scene.configs(scene.name + "-sessions-changelog").get("cleanup.policy"), "policy");
    });

    scenarios.put("a sliding window counts what is near", scene -> {
      String in = scene.topic("in", 1);
      String out = scene.topic("out", 1);
      scene.started(builder -> tell(builder.<String, String>stream(in).groupByKey()
        .windowedBy(SlidingWindows.ofTimeDifferenceWithNoGrace(Duration.ofMillis(500))).count().toStream(), out));
      scene.sendAt(in, T + 1000, "a=x");
      scene.sendAt(in, T + 1400, "a=x");
      scene.expectLast(out, "a@500=1", "a@900=2", "a@1001=1");
    });

    scenarios.put("a window that is suppressed is told once, when its grace is over, also by the next instance", scene -> {
      String in = scene.topic("in", 1);
      String out = scene.topic("out", 1);
      Consumer<StreamsBuilder> topology = builder -> tell(builder.<String, String>stream(in).groupByKey()
        .windowedBy(TimeWindows.ofSizeAndGrace(Duration.ofSeconds(1), Duration.ofMillis(500)))
        .count(Materialized.<String, Long, WindowStore<Bytes, byte[]>>as("counts").withKeySerde(Serdes.String()).withValueSerde(Serdes.Long()))
        .suppress(Suppressed.untilWindowCloses(BufferConfig.unbounded()).withName("last")).toStream(), out);
      var first = scene.started(topology);
      scene.sendAt(in, T + 100, "a=x", "b=x", "a=x");
      scene.sendAt(in, T + 1400, "a=x");
      scene.expect(out);
      Scene.until("a commit", () -> scene.committed(in, 0) == 4);
      first.wipe();
      scene.started(topology);
      scene.sendAt(in, T + 1500, "c=x");
      scene.expectSorted(out, List.of("a@0=2", "b@0=1"));
    });

    scenarios.put("a windowed table is restored", scene -> {
      String in = scene.topic("in", 2);
      String out = scene.topic("out", 1);
      String next = scene.topic("next", 1);
      var window = TimeWindows.ofSizeAndGrace(Duration.ofMinutes(1), Duration.ofMinutes(1));
      var first = scene.started(builder -> tell(builder.<String, String>stream(in).groupByKey().windowedBy(window).count(Materialized.as("counts")).toStream(), out));
      scene.sendAt(in, T + 1, "a=x", "b=x", "a=x");
      scene.expectLast(out, "a@0=2", "b@0=1");
      Scene.until("a commit", () -> scene.committed().values().stream().mapToLong(each -> each.offset()).sum() == 3);
      first.wipe();
      scene.started(builder -> tell(builder.<String, String>stream(in).groupByKey().windowedBy(window).count(Materialized.as("counts")).toStream(), next));
      scene.sendAt(in, T + 2, "a=x", "b=x");
      scene.expectSorted(next, List.of("a@0=3", "b@0=2"));
    });
  }
}
