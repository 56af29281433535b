import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.streams.KeyQueryMetadata;
import org.apache.kafka.streams.StoreQueryParameters;
import org.apache.kafka.streams.errors.InvalidStateStoreException;
import org.apache.kafka.streams.query.KeyQuery;
import org.apache.kafka.streams.query.RangeQuery;
import org.apache.kafka.streams.query.StateQueryRequest;
import org.apache.kafka.streams.state.HostInfo;
import org.apache.kafka.streams.state.QueryableStoreTypes;

/** What an instance is asked for while it runs. */
class Queries {
  /** The value of a key, where the instance has it; undefined while its store moves. */
  static String get(App app, String store, String key) {
    try {
      Object value = app.streams.store(StoreQueryParameters.fromNameAndType(store, QueryableStoreTypes.keyValueStore())).get(key);
      return value == null ? null : value.toString();
    } catch (InvalidStateStoreException moving) {
      return "";
    }
  }

  private static Object[] with(List<Object> config, Object... more) {
    List<Object> all = new ArrayList<>(config);
    all.addAll(List.of(more));
    return all.toArray();
  }

  static void addTo(Map<String, Scenarios.Scenario<Scene>> scenarios) {
    scenarios.put("a table is asked for a key, and for all of them", scene -> {
      String in = scene.topic("in", 2);
      String out = scene.topic("out", 1);
      var app = scene.started(Tables.counting(in, out));
      scene.send(in, "a=x", "b=x", "a=x");
      scene.expectLast(out, "a=2", "b=1");
      Scene.equal("2", get(app, "counts", "a"), "a");
      Map<String, Long> all = new TreeMap<>();
      app.streams.store(StoreQueryParameters.fromNameAndType("counts", QueryableStoreTypes.<String, Long>keyValueStore())).all().forEachRemaining(each -> all.put(each.key, each.value));
      Scene.equal(Map.of("a", 2L, "b", 1L), all, "all");
      var result = app.streams.query(StateQueryRequest.inStore("counts").withQuery(KeyQuery.<String, Long>withKey("b")));
      Scene.equal(1L, result.getOnlyPartitionResult().getResult(), "b");
      Scene.equal(2, app.streams.query(StateQueryRequest.inStore("counts").withQuery(RangeQuery.<String, Long>withNoBounds())).getPartitionResults().size(), "partitions");
    });

    scenarios.put("each instance knows who has a key", scene -> {
      String in = scene.topic("in", 4);
      String out = scene.topic("out", 1);
      Object[] lag = {"acceptable.recovery.lag", Long.MAX_VALUE};
      var first = scene.started(Tables.counting(in, out), "application.server", "first:1", lag[0], lag[1]);
      var second = scene.started(Tables.counting(in, out), "application.server", "second:2", lag[0], lag[1]);
      Instances.untilShared(List.of(first, second), 4);
      scene.send(in, Instances.numbers(0, 20).toArray(String[]::new));
      Scene.until("all counts", () -> scene.committed().values().stream().mapToLong(each -> each.offset()).sum() == 20);
      Map<String, App> hosts = Map.of("first", first, "second", second);
      for (var asked : List.of(first, second)) {
        Scene.until("hosts", () -> asked.streams.metadataForAllStreamsClients().stream().filter(each -> each.topicPartitions().size() == 2).count() == 2);
        for (int i = 0; i < 20; i++) {
          String key = "k" + i;
          KeyQueryMetadata where = asked.streams.queryMetadataForKey("counts", key, new StringSerializer());
          Scene.check(hosts.containsKey(where.activeHost().host()), "a host of " + key + ", received " + where);
          Scene.until(key, () -> "1".equals(get(hosts.get(where.activeHost().host()), "counts", key)));
        }
      }
    });

    scenarios.put("a standby is told of, and may be asked", scene -> {
      String in = scene.topic("in", 1);
      String out = scene.topic("out", 1);
      List<Object> standbys = List.of(scene.standbys(1));
      var first = scene.started(Tables.counting(in, out), with(standbys, "application.server", "first:1"));
      scene.send(in, "a=x");
      scene.expectLast(out, "a=1");
      var second = scene.started(Tables.counting(in, out), with(standbys, "application.server", "second:2"));
      Scene.until("a standby", () -> first.tasks().size() + second.tasks().size() == 1 && first.standbys().size() + second.standbys().size() == 1);
      boolean ofFirst = !first.standbys().isEmpty();
      App active = ofFirst ? second : first;
      App standby = ofFirst ? first : second;
      HostInfo host = ofFirst ? new HostInfo("first", 1) : new HostInfo("second", 2);
      Scene.until("its host", () -> active.streams.queryMetadataForKey("counts", "a", new StringSerializer()).standbyHosts().contains(host));
      Scene.until("its table", () -> {
        try {
          return Long.valueOf(1).equals(standby.streams.store(StoreQueryParameters.fromNameAndType("counts", QueryableStoreTypes.<String, Long>keyValueStore()).enableStaleStores()).get("a"));
        } catch (InvalidStateStoreException moving) {
          return false;
        }
      });
    });
  }
}
