from threading import Condition, Event, Thread

import kafka
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource
from kafka.structs import OffsetAndMetadata

from driver import PASSWORD, TLS_CA, USER, classic_only, drive, is_shared, values

ORDERS = TopicPartition("orders", 0)


def consumer(address, group="billing", topics=("orders",), **config):
    return KafkaConsumer(
        *topics,
        bootstrap_servers=address,
        group_id=group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        heartbeat_interval_ms=100,
        fetch_max_wait_ms=50,
        **config,
    )


def producer(address, **config):
    return KafkaProducer(bootstrap_servers=address, **config)


def admin(address):
    return KafkaAdminClient(bootstrap_servers=address)


def round_trip(address, count, compression=None, **config):
    writer = producer(address, compression_type=compression, linger_ms=50, **config)
    sent = [writer.send("orders", value.encode(), partition=0) for value in values(count)]
    writer.flush()
    for each in sent:
        each.get()
    reader = consumer(address, **config)
    seen = [next(reader).value.decode() for _ in range(count)]
    reader.close()
    writer.close()
    return {"values": seen}


def produce(address, _):
    writer = producer(address)
    sent = [
        writer.send("orders", b"one", b"a", headers=[("trace", b"x")], partition=0),
        writer.send("orders", b"two", b"b", partition=1),
        writer.send("orders", None, b"c", partition=2),
        writer.send("orders", b"four", b"d"),
    ]
    for each in sent:
        each.get()
    writer.close()


def consume(address, protocol):
    classic_only(protocol)
    reader = consumer(address)
    records = []
    while len(records) < 99:
        record = next(reader)
        trace = dict(record.headers)["trace"].decode()
        records.append(
            [record.partition, record.offset, record.key.decode(), record.value.decode(), trace]
        )
    reader.commit()
    reader.close()
    return {"records": records}


def share(address, protocol):
    classic_only(protocol)
    reader = consumer(address)
    seen = []
    while "stop" not in seen:
        seen.append(next(reader).value.decode())
        reader.commit()
    reader.close()
    return {"values": seen[:-1]}


def rebalance(address, protocol):
    classic_only(protocol)
    owned = {}
    changed = Condition()

    def run(name, left):
        # It joins while it polls, so each polls in a thread of its own.
        member = consumer(address)
        while not left.is_set():
            member.poll(20)
            with changed:
                owned[name] = [each.partition for each in member.assignment()]
                changed.notify()
        member.close()

    def settle(count):
        with changed:
            changed.wait_for(lambda: len(owned) == count and is_shared(owned.values()))
            return list(owned.values())

    left = [Event() for _ in range(3)]
    threads = [Thread(target=run, args=each) for each in enumerate(left)]
    for thread in threads:
        thread.start()
    three = settle(3)
    left[0].set()
    threads[0].join()
    del owned[0]
    two = settle(2)
    for event, thread in zip(left[1:], threads[1:]):
        event.set()
        thread.join()
    return {"three": three, "two": two}


def seek(address, _):
    reader = consumer(address, topics=())
    reader.assign([ORDERS])
    reader.seek(ORDERS, 7)
    read = [next(reader).offset for _ in range(3)]
    reader.close()
    return {"offsets": read}


def offsets(address, timestamp):
    reader = consumer(address, topics=())
    reader.assign([ORDERS])
    earliest = reader.beginning_offsets([ORDERS])[ORDERS]
    latest = reader.end_offsets([ORDERS])[ORDERS]
    by_time = reader.offsets_for_times({ORDERS: int(timestamp)})[ORDERS].offset
    reader.commit({ORDERS: OffsetAndMetadata(5, "", -1)})
    committed = reader.committed(ORDERS)
    reader.close()
    return {"earliest": earliest, "latest": latest, "byTime": by_time, "committed": committed}


def reset(address, _):
    reader = consumer(address)
    first = next(reader).offset
    reader.close()
    return {"first": first}


def transactions(address, _):
    writer = producer(address, transactional_id="matrix")
    writer.init_transactions()
    reader = consumer(address)
    for _ in range(3):
        record = next(reader)
        writer.begin_transaction()
        writer.send("payments", b"paid " + record.value)
        after = {ORDERS: OffsetAndMetadata(record.offset + 1, "", -1)}
        writer.send_offsets_to_transaction(after, reader.group_metadata())
        writer.commit_transaction()
    reader.close()
    writer.begin_transaction()
    writer.send("payments", b"lost")
    writer.flush()
    writer.abort_transaction()
    writer.begin_transaction()
    writer.send("payments", b"last")
    writer.commit_transaction()
    writer.close()
    audit = consumer(address, "audit", ("payments",), isolation_level="read_committed")
    read = []
    while "last" not in read:
        read.append(next(audit).value.decode())
    audit.close()
    return {"read": read}


def admin_topics(address, _):
    client = admin(address)
    client.create_topics(
        {"made": {"num_partitions": 3, "replication_factor": 1, "configs": {"retention.ms": "60000"}}}
    )
    listed = sorted(client.list_topics())
    [described] = client.describe_topics(["made"])
    client.create_partitions({"made": 5})
    client.delete_topics(["old"])
    return {"listed": listed, "partitions": len(described["partitions"])}


def admin_records(address, _):
    admin(address).delete_records({ORDERS: 4})


def admin_configs(address, _):
    client = admin(address)

    def retention():
        found = client.describe_configs([ConfigResource("TOPIC", "orders")], config_filter="all")
        return found["topic"]["orders"]["retention.ms"]["value"]

    before = retention()
    client.alter_configs([ConfigResource("TOPIC", "orders", {"retention.ms": "120000"})])
    return {"before": before, "after": retention()}


def admin_groups(address, _):
    client = admin(address)
    listed = [group["group_id"] for group in client.list_groups()]
    state = client.describe_groups(["stale"])["stale"]["group_state"]
    offset = client.list_group_offsets("stale")["stale"][ORDERS].offset
    client.delete_groups(["stale"])
    return {"listed": listed, "state": state, "offset": offset}


def admin_offsets(address, _):
    admin(address).alter_group_offsets("stale", {ORDERS: OffsetAndMetadata(1, "", -1)})


def admin_delete_offsets(address, _):
    admin(address).delete_group_offsets("stale", [TopicPartition("orders", 1)])


drive(
    kafka.__version__,
    {
        "produce": produce,
        "consume": consume,
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
        "admin-delete-offsets": admin_delete_offsets,
        "codec": lambda address, name: round_trip(address, 50, name),
        "sasl": lambda address, mechanism: round_trip(
            address,
            1,
            security_protocol="SASL_PLAINTEXT",
            sasl_mechanism=mechanism,
            sasl_plain_username=USER,
            sasl_plain_password=PASSWORD,
        ),
        "tls": lambda address, _: round_trip(address, 1, security_protocol="SSL", ssl_cafile=TLS_CA),
    },
)
