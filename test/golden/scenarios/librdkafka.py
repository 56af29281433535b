"""librdkafka, by Confluent's client for Python, as `npm run golden` runs it."""

import json
import sys

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition, libversion
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    OffsetSpec,
    ResourceType,
)

address, sasl_address, file = sys.argv[1:]
records = json.load(open(file, encoding="utf8"))
base = {"bootstrap.servers": address, "client.id": "golden"}
topic = "librdkafka"
print(f"librdkafka {libversion()[0]}")


def done(futures):
    """Waits; what is refused is an answer, too."""
    for future in futures.values() if isinstance(futures, dict) else [futures]:
        try:
            future.result(30)
        except KafkaException as error:
            print(error, file=sys.stderr)


admin = AdminClient(base)
done(admin.create_topics([NewTopic(topic, 1, 1, config={"retention.ms": "3600000"})]))
done(admin.create_partitions([NewPartitions(topic, 2)]))
admin.list_topics(timeout=30)
done(admin.describe_cluster())
resource = ConfigResource(ResourceType.TOPIC, topic)
done(admin.describe_configs([resource]))
entry = ConfigEntry("retention.ms", "7200000", incremental_operation=AlterConfigOpType.SET)
done(admin.incremental_alter_configs([ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])]))


def send(producer):
    for record in records:
        producer.produce(
            topic,
            partition=0,
            key=record["key"],
            value=record["value"],
            headers=list(record["headers"].items()),
        )
    producer.flush(30)


for compression in ["none", "gzip", "snappy", "lz4", "zstd"]:
    send(Producer({**base, "compression.type": compression, "linger.ms": 100}))
send(Producer({**base, "enable.idempotence": True, "linger.ms": 100}))

transactional = Producer({**base, "transactional.id": "librdkafka", "linger.ms": 100})
transactional.init_transactions(30)


def in_transaction(consumer, end):
    transactional.begin_transaction()
    send(transactional)
    offsets = [TopicPartition(topic, 0, 1)]
    transactional.send_offsets_to_transaction(offsets, consumer.consumer_group_metadata(), 30)
    end(30)


for protocol in ["classic", "consumer"]:
    for isolation in ["read_uncommitted", "read_committed"]:
        group = f"{topic}-{protocol}-{isolation}"
        consumer = Consumer(
            {
                **base,
                "group.id": group,
                "group.protocol": protocol,
                "isolation.level": isolation,
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
            }
        )
        consumer.subscribe([topic])
        seen = 0
        while seen < 6 * len(records):
            message = consumer.poll(30)
            if message is None or message.error():
                raise RuntimeError(f"no record: {message and message.error()}")
            seen += 1
        consumer.commit(asynchronous=False)
        consumer.committed([TopicPartition(topic, 0)], 30)
        consumer.offsets_for_times([TopicPartition(topic, 0, 1)], 30)
        consumer.get_watermark_offsets(TopicPartition(topic, 0), 30)
        done(admin.describe_consumer_groups([group]))
        if (protocol, isolation) == ("classic", "read_uncommitted"):
            in_transaction(consumer, transactional.commit_transaction)
            in_transaction(consumer, transactional.abort_transaction)
        consumer.close()

done(admin.describe_topics(__import__("confluent_kafka").TopicCollection([topic])))
done(admin.list_consumer_groups())
done(admin.list_offsets({TopicPartition(topic, 0): OffsetSpec.latest()}))
done(admin.delete_consumer_groups([f"{topic}-classic-read_committed"]))
done(admin.delete_records([TopicPartition(topic, 0, 4)]))
done(admin.delete_topics([topic]))

secured = AdminClient(
    {
        **base,
        "bootstrap.servers": sasl_address,
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "PLAIN",
        "sasl.username": "ada",
        "sasl.password": "secret",
    }
)
secured.list_topics(timeout=30)
