import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.acl.*;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.quota.*;
import org.apache.kafka.common.resource.*;
import org.apache.kafka.common.serialization.*;
import org.apache.kafka.common.utils.internals.AppInfoParser;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;

/** Apache Kafka's own clients, as `npm run golden` runs them. */
public class Golden {
    static final String TOPIC = "java";
    static final TopicPartition PARTITION = new TopicPartition(TOPIC, 0);
    static String address;
    static JsonNode records;

    interface Call {
        KafkaFuture<?> get() throws Exception;
    }

    /** Waits; what is refused is an answer, too. */
    static void done(Call call) throws Exception {
        try {
            call.get().get();
        } catch (java.util.concurrent.ExecutionException error) {
            System.err.println(error.getCause());
        }
    }

    static Map<String, Object> config(Object... pairs) {
        Map<String, Object> config = new HashMap<>();
        config.put("bootstrap.servers", address);
        config.put("client.id", "golden");
        for (int i = 0; i < pairs.length; i += 2) config.put((String) pairs[i], pairs[i + 1]);
        return config;
    }

    static KafkaProducer<String, String> producer(Object... pairs) {
        Map<String, Object> config = config(pairs);
        config.put("linger.ms", 100);
        return new KafkaProducer<>(config, new StringSerializer(), new StringSerializer());
    }

    static void send(KafkaProducer<String, String> producer) {
        for (JsonNode each : records) {
            ProducerRecord<String, String> record =
                new ProducerRecord<>(TOPIC, 0, each.get("key").textValue(), each.get("value").textValue());
            each.get("headers").properties().forEach(header ->
                record.headers().add(header.getKey(), header.getValue().textValue().getBytes(StandardCharsets.UTF_8)));
            producer.send(record);
        }
        producer.flush();
    }

    static void transact(KafkaProducer<String, String> producer, ConsumerGroupMetadata group, boolean commit) {
        producer.beginTransaction();
        send(producer);
        producer.sendOffsetsToTransaction(Map.of(PARTITION, new OffsetAndMetadata(1)), group);
        if (commit) producer.commitTransaction();
        else producer.abortTransaction();
    }

    public static void main(String[] args) throws Exception {
        System.out.println("kafka-clients " + AppInfoParser.getVersion());
        address = args[0];
        records = new ObjectMapper().readTree(new File(args[2]));
        try (Admin admin = Admin.create(config())) {
            prepare(admin);
            produce(admin);
            consume(admin);
            stream(admin);
            administer(admin);
        }
        try (Admin secured = Admin.create(config("bootstrap.servers", args[1],
                "security.protocol", "SASL_PLAINTEXT", "sasl.mechanism", "PLAIN", "sasl.jaas.config",
                "org.apache.kafka.common.security.plain.PlainLoginModule required username=\"ada\" password=\"secret\";"))) {
            done(() -> secured.listTopics().names());
        }
    }

    static void prepare(Admin admin) throws Exception {
        NewTopic topic = new NewTopic(TOPIC, 1, (short) 1).configs(Map.of("retention.ms", "3600000"));
        done(() -> admin.createTopics(List.of(topic)).all());
        done(() -> admin.createPartitions(Map.of(TOPIC, NewPartitions.increaseTo(2))).all());
        done(() -> admin.listTopics().names());
        done(() -> admin.describeTopics(List.of(TOPIC)).allTopicNames());
        done(() -> admin.describeCluster().nodes());
        done(() -> admin.describeFeatures().featureMetadata());
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, TOPIC);
        done(() -> admin.describeConfigs(List.of(resource)).all());
        AlterConfigOp op = new AlterConfigOp(new ConfigEntry("retention.ms", "7200000"), AlterConfigOp.OpType.SET);
        done(() -> admin.incrementalAlterConfigs(Map.of(resource, List.of(op))).all());
        done(() -> admin.listConfigResources().all());
        done(() -> admin.describeLogDirs(List.of(1)).allDescriptions());
    }

    static void produce(Admin admin) throws Exception {
        for (String compression : List.of("none", "gzip", "snappy", "lz4", "zstd")) {
            try (var producer = producer("compression.type", compression, "enable.idempotence", false)) {
                send(producer);
            }
        }
        try (var producer = producer()) {
            send(producer);
        }
        try (var producer = producer("transactional.id", TOPIC); var consumer = consumer("java-tx", "classic", "read_committed")) {
            producer.initTransactions();
            transact(producer, consumer.groupMetadata(), true);
            transact(producer, consumer.groupMetadata(), false);
            done(() -> admin.describeTransactions(List.of(TOPIC)).all());
            done(() -> admin.listTransactions().all());
            done(() -> admin.describeProducers(List.of(PARTITION)).all());
        }
    }

    static KafkaConsumer<String, String> consumer(String group, String protocol, String isolation) {
        Map<String, Object> config = config("group.id", group, "group.protocol", protocol, "isolation.level", isolation,
            "auto.offset.reset", "earliest", "enable.auto.commit", false);
        return new KafkaConsumer<>(config, new StringDeserializer(), new StringDeserializer());
    }

    static void consume(Admin admin) throws Exception {
        for (String protocol : List.of("classic", "consumer")) {
            for (String isolation : List.of("read_uncommitted", "read_committed")) {
                String group = "java-" + protocol + "-" + isolation;
                try (var consumer = consumer(group, protocol, isolation)) {
                    consumer.subscribe(List.of(TOPIC));
                    int expected = (isolation.equals("read_committed") ? 7 : 8) * records.size();
                    for (int seen = 0; seen < expected; ) seen += consumer.poll(Duration.ofSeconds(30)).count();
                    consumer.commitSync();
                    consumer.committed(Set.of(PARTITION));
                    consumer.beginningOffsets(List.of(PARTITION));
                    consumer.offsetsForTimes(Map.of(PARTITION, 1L));
                    done(() -> admin.describeConsumerGroups(List.of(group)).all());
                    done(() -> admin.describeClassicGroups(List.of(group)).all());
                }
            }
        }
        Map<String, Object> shared = config("group.id", "java-share");
        try (var consumer = new KafkaShareConsumer<>(shared, new StringDeserializer(), new StringDeserializer())) {
            done(() -> admin.incrementalAlterConfigs(Map.of(
                new ConfigResource(ConfigResource.Type.GROUP, "java-share"),
                List.of(new AlterConfigOp(new ConfigEntry("share.auto.offset.reset", "earliest"), AlterConfigOp.OpType.SET)))).all());
            consumer.subscribe(List.of(TOPIC));
            for (int seen = 0; seen < records.size(); ) seen += consumer.poll(Duration.ofSeconds(30)).count();
            consumer.commitSync();
            done(() -> admin.describeShareGroups(List.of("java-share")).all());
            done(() -> admin.listShareGroupOffsets(Map.of("java-share", new ListShareGroupOffsetsSpec())).all());
        }
        done(() -> admin.alterShareGroupOffsets("java-share", Map.of(PARTITION, 0L)).all());
        done(() -> admin.deleteShareGroupOffsets("java-share", Set.of(TOPIC)).all());
    }

    /** Two instances of an application whose broker deals the tasks out; nothing is there that it could read or write. */
    static void stream(Admin admin) throws Exception {
        String group = "java-streams";
        done(() -> admin.createTopics(List.of(new NewTopic("java-streams-in", 2, (short) 1))).all());
        done(() -> admin.incrementalAlterConfigs(Map.of(
            new ConfigResource(ConfigResource.Type.GROUP, group),
            List.of(
                new AlterConfigOp(new ConfigEntry("streams.num.standby.replicas", "1"), AlterConfigOp.OpType.SET),
                new AlterConfigOp(new ConfigEntry("streams.initial.rebalance.delay.ms", "0"), AlterConfigOp.OpType.SET)))).all());
        try (KafkaStreams one = streams(group, 1); KafkaStreams two = streams(group, 2)) {
            while (!isSettled(one) || !isSettled(two)) Thread.sleep(100);
            done(() -> admin.describeStreamsGroups(List.of(group)).all());
        }
        done(() -> admin.describeStreamsGroups(List.of(group, "nobody")).all());
        done(() -> admin.deleteStreamsGroups(List.of(group)).all());
    }

    static KafkaStreams streams(String group, int number) throws Exception {
        var builder = new StreamsBuilder();
        builder.<String, String>stream("java-streams-in").groupBy((key, value) -> value).count();
        var config = new java.util.Properties();
        config.putAll(config("application.id", group, "group.protocol", "streams", "application.server", "golden:" + number,
            "state.dir", java.nio.file.Files.createTempDirectory("golden").toString(), "default.dsl.store", "in_memory",
            "default.key.serde", Serdes.StringSerde.class, "default.value.serde", Serdes.StringSerde.class));
        var streams = new KafkaStreams(builder.build(), config);
        streams.start();
        return streams;
    }

    static boolean isSettled(KafkaStreams streams) {
        return streams.metadataForLocalThreads().stream().anyMatch(each -> each.activeTasks().size() == 2 && each.standbyTasks().size() == 1)
            && streams.metadataForAllStreamsClients().size() == 2;
    }

    static void administer(Admin admin) throws Exception {
        String group = "java-classic-read_committed";
        done(() -> admin.listGroups().all());
        done(() -> admin.listConsumerGroupOffsets(group).all());
        done(() -> admin.alterConsumerGroupOffsets(group, Map.of(PARTITION, new OffsetAndMetadata(1))).all());
        done(() -> admin.deleteConsumerGroupOffsets(group, Set.of(PARTITION)).all());
        done(() -> admin.deleteConsumerGroups(List.of(group)).all());
        done(() -> admin.listOffsets(Map.of(PARTITION, OffsetSpec.maxTimestamp())).all());
        done(() -> admin.listOffsets(Map.of(PARTITION, OffsetSpec.latestTiered())).all());
        done(() -> admin.electLeaders(ElectionType.PREFERRED, Set.of(PARTITION)).all());
        done(() -> admin.listPartitionReassignments().reassignments());
        done(() -> admin.alterPartitionReassignments(Map.of(PARTITION,
            Optional.of(new NewPartitionReassignment(List.of(2))))).all());
        done(() -> admin.alterReplicaLogDirs(Map.of(new TopicPartitionReplica(TOPIC, 0, 1), "/nowhere")).all());
        done(() -> admin.describeClientQuotas(ClientQuotaFilter.all()).entities());
        ClientQuotaEntity entity = new ClientQuotaEntity(Map.of(ClientQuotaEntity.CLIENT_ID, "other"));
        done(() -> admin.alterClientQuotas(List.of(new ClientQuotaAlteration(entity,
            List.of(new ClientQuotaAlteration.Op("producer_byte_rate", 1e9))))).all());
        done(() -> admin.describeUserScramCredentials().all());
        done(() -> admin.alterUserScramCredentials(List.of(new UserScramCredentialUpsertion("bob",
            new ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, 4096), "secret"))).all());
        done(() -> admin.describeMetadataQuorum().quorumInfo());
        done(() -> admin.updateFeatures(Map.of("group.version",
            new FeatureUpdate((short) 1, FeatureUpdate.UpgradeType.UPGRADE)), new UpdateFeaturesOptions()).all());
        done(() -> admin.createDelegationToken().delegationToken());
        byte[] hmac = {1, 2, 3};
        done(() -> admin.renewDelegationToken(hmac).expiryTimestamp());
        done(() -> admin.expireDelegationToken(hmac).expiryTimestamp());
        done(() -> admin.describeDelegationToken().delegationTokens());
        AclBinding acl = new AclBinding(new ResourcePattern(ResourceType.TOPIC, TOPIC, PatternType.LITERAL),
            new AccessControlEntry("User:ada", "*", AclOperation.READ, AclPermissionType.ALLOW));
        done(() -> admin.createAcls(List.of(acl)).all());
        done(() -> admin.describeAcls(AclBindingFilter.ANY).values());
        done(() -> admin.deleteAcls(List.of(acl.toFilter())).all());
        done(() -> admin.deleteRecords(Map.of(PARTITION, RecordsToDelete.beforeOffset(4))).all());
        done(() -> admin.deleteTopics(List.of(TOPIC)).all());
    }
}
