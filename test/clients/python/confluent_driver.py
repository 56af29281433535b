import confluent_kafka
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, Producer, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    ResourceType,
)

from driver import PASSWORD, TLS_CA, USER, drive, is_shared, values

ORDERS = TopicPartition("orders", 0)


def consumer(address, group="billing", **config):
    # KIP-848 groups take the times of the broker.
    times = {} if config.get("group.protocol") == "consumer" else {"heartbeat.interval.ms": 100}
    return Consumer(
        {
            "bootstrap.servers": address,
            "group.id": group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "fetch.wait.max.ms": 50,
            **times,
            **config,
        }
    )


def producer(address, **config):
    return Producer({"bootstrap.servers": address, "linger.ms": 0, **config})


def delivered(error, _message):
    if error is not None:
        raise confluent_kafka.KafkaException(error)


def poll(reader):
    """The next record."""
    while True:
        message = reader.poll(10)
        if message is None:
            continue
        if message.error():
            raise confluent_kafka.KafkaException(message.error())
        return message


def consume(reader, take, topic="orders"):
    """Hands each record to `take` until that says that it was the last."""
    reader.subscribe([topic])
    while not take(poll(reader)):
        pass
    reader.commit(asynchronous=False)


def round_trip(address, count, compression="none", **config):
    writer = producer(address, **{"compression.type": compression, "linger.ms": 50}, **config)
    for value in values(count):
        writer.produce("orders", value=value, partition=0, on_delivery=delivered)
    writer.flush()
    reader = consumer(address, **config)
    seen = []

    def take(message):
        seen.append(message.value().decode())
        return len(seen) == count

    consume(reader, take)
    reader.close()
    return {"values": seen}


def produce(address, _):
    writer = producer(address)
    writer.produce("orders", partition=0, key="a", value="one", headers={"trace": "x"}, on_delivery=delivered)
    writer.produce("orders", partition=1, key="b", value="two", on_delivery=delivered)
    writer.produce("orders", partition=2, key="c", value=None, on_delivery=delivered)
    writer.produce("orders", key="d", value="four", on_delivery=delivered)
    writer.flush()


def consume_group(address, protocol):
    reader = consumer(address, **{"group.protocol": protocol})
    records = []

    def take(message):
        trace = dict(message.headers())["trace"].decode()
        records.append(
            [message.partition(), message.offset(), message.key().decode(), message.value().decode(), trace]
        )
        return len(records) == 99

    consume(reader, take)
    reader.close()
    return {"records": records}


def share(address, protocol):
    reader = consumer(address, **{"group.protocol": protocol})
    reader.subscribe(["orders"])
    seen = []
    while "stop" not in seen:
        message = poll(reader)
        seen.append(message.value().decode())
        reader.commit(message, asynchronous=False)
    reader.close()
    return {"values": seen[:-1]}


def rebalance(address, protocol):
    members = [consumer(address, **{"group.protocol": protocol}) for _ in range(3)]
    for member in members:
        member.subscribe(["orders"])

    def settle(those):
        while True:
            for member in those:
                member.poll(0.02)
            owned = [[each.partition for each in member.assignment()] for member in those]
            if is_shared(owned):
                return owned

    three = settle(members)
    members[0].close()
    two = settle(members[1:])
    for member in members[1:]:
        member.close()
    return {"three": three, "two": two}


def seek(address, _):
    reader = consumer(address)
    reader.assign([TopicPartition("orders", 0, 0)])
    poll(reader)
    reader.seek(TopicPartition("orders", 0, 7))
    read = [poll(reader).offset() for _ in range(3)]
    reader.close()
    return {"offsets": read}


def offsets(address, timestamp):
    reader = consumer(address)
    earliest, latest = reader.get_watermark_offsets(ORDERS, timeout=10)
    [by_time] = reader.offsets_for_times([TopicPartition("orders", 0, int(timestamp))], timeout=10)
    reader.commit(offsets=[TopicPartition("orders", 0, 5)], asynchronous=False)
    [committed] = reader.committed([ORDERS], timeout=10)
    reader.close()
    return {"earliest": earliest, "latest": latest, "byTime": by_time.offset, "committed": committed.offset}


def reset(address, _):
    reader = consumer(address)
    reader.subscribe(["orders"])
    first = poll(reader).offset()
    reader.close()
    return {"first": first}


def transactions(address, _):
    writer = producer(address, **{"transactional.id": "matrix"})
    writer.init_transactions()
    reader = consumer(address)
    reader.subscribe(["orders"])
    for _ in range(3):
        message = poll(reader)
        writer.begin_transaction()
        writer.produce("payments", value=f"paid {message.value().decode()}")
        writer.send_offsets_to_transaction(
            reader.position(reader.assignment()), reader.consumer_group_metadata()
        )
        writer.commit_transaction()
    reader.close()
    writer.begin_transaction()
    writer.produce("payments", value="lost")
    writer.flush()
    writer.abort_transaction()
    writer.begin_transaction()
    writer.produce("payments", value="last")
    writer.commit_transaction()
    audit = consumer(address, "audit", **{"isolation.level": "read_committed"})
    read = []

    def take(message):
        read.append(message.value().decode())
        return read[-1] == "last"

    consume(audit, take, "payments")
    audit.close()
    return {"read": read}


def done(futures):
    return [future.result() for future in futures.values()]


def admin(address):
    return AdminClient({"bootstrap.servers": address})


def admin_topics(address, _):
    client = admin(address)
    done(client.create_topics([NewTopic("made", 3, config={"retention.ms": "60000"})]))
    topics = client.list_topics(timeout=10).topics
    done(client.create_partitions([NewPartitions("made", 5)]))
    done(client.delete_topics(["old"]))
    return {"listed": sorted(topics), "partitions": len(topics["made"].partitions)}


def admin_records(address, _):
    client = admin(address)
    done(client.delete_records([TopicPartition("orders", 0, 4)]))


def admin_configs(address, _):
    client = admin(address)

    def retention():
        [found] = done(client.describe_configs([ConfigResource(ResourceType.TOPIC, "orders")]))
        return found["retention.ms"].value

    before = retention()
    entry = ConfigEntry("retention.ms", "120000", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, "orders", incremental_configs=[entry])
    done(client.incremental_alter_configs([resource]))
    return {"before": before, "after": retention()}


def admin_groups(address, _):
    client = admin(address)
    listed = [group.group_id for group in client.list_consumer_groups().result().valid]
    [described] = done(client.describe_consumer_groups(["stale"]))
    [found] = done(client.list_consumer_group_offsets([ConsumerGroupTopicPartitions("stale")]))
    offset = next(each.offset for each in found.topic_partitions if each.partition == 0)
    done(client.delete_consumer_groups(["stale"]))
    return {"listed": listed, "state": described.state.name, "offset": offset}


def admin_offsets(address, _):
    client = admin(address)
    to = ConsumerGroupTopicPartitions("stale", [TopicPartition("orders", 0, 1)])
    done(client.alter_consumer_group_offsets([to]))


drive(
    f"{confluent_kafka.version()} (librdkafka {confluent_kafka.libversion()[0]})",
    {
        "produce": produce,
        "consume": consume_group,
        "share": share,
        "rebalance": rebalance,
        "seek": seek,
        "offsets": offsets,
        "reset": reset,
        "transactions": transactions,
        "admin-topics": admin_topics,
        "admin-records": admin_records,
        "admin-configs": admin_configs,
        "admin-groups": admin_groups,
        "admin-offsets": admin_offsets,
        "codec": lambda address, name: round_trip(address, 50, name),
        "sasl": lambda address, mechanism: round_trip(
            address,
            1,
            **{
                "security.protocol": "sasl_plaintext",
                "sasl.mechanisms": mechanism,
                "sasl.username": USER,
                "sasl.password": PASSWORD,
            },
        ),
        "tls": lambda address, _: round_trip(
            address, 1, **{"security.protocol": "ssl", "ssl.ca.location": TLS_CA}
        ),
    },
)
