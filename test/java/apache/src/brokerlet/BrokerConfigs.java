package brokerlet;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.function.Supplier;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.common.config.ConfigResource;

/** The configs of brokers that are no options of a server: they are set once it runs, as an administrator does. */
public final class BrokerConfigs {
  private BrokerConfigs() {}

  /** For all brokers. */
  public static void set(JsonNode configs, Supplier<Admin> admins) {
    if (configs.isEmpty()) return;
    List<AlterConfigOp> changes = new ArrayList<>();
    for (var each : configs.properties()) {
      var entry = new ConfigEntry(each.getKey(), each.getValue().asText());
      changes.add(new AlterConfigOp(entry, AlterConfigOp.OpType.SET));
    }
    try (Admin admin = admins.get()) {
      admin.incrementalAlterConfigs(Map.of(new ConfigResource(ConfigResource.Type.BROKER, ""), changes)).all().get();
    } catch (InterruptedException | ExecutionException error) {
      throw new IllegalStateException(error);
    }
  }
}
