import asyncio

import aiokafka
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.helpers import create_ssl_context

from driver import PASSWORD, TLS_CA, USER, classic_only, drive, is_shared, values

ORDERS = TopicPartition("orders", 0)


async def consumer(address, group="billing", topics=("orders",), **config):
    made = AIOKafkaConsumer(
        *topics,
        bootstrap_servers=address,
        group_id=group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        heartbeat_interval_ms=100,
        fetch_max_wait_ms=50,
        **config,
    )
    await made.start()
    return made


async def producer(address, **config):
    made = AIOKafkaProducer(bootstrap_servers=address, **config)
    await made.start()
    return made


async def admin(address):
    made = AIOKafkaAdminClient(bootstrap_servers=address)
    await made.start()
    return made


async def round_trip(address, count, compression=None, **config):
    writer = await producer(address, compression_type=compression, linger_ms=50, **config)
    sent = [await writer.send("orders", value.encode(), partition=0) for value in values(count)]
    await asyncio.gather(*sent)
    reader = await consumer(address, **config)
    seen = [(await reader.getone()).value.decode() for _ in range(count)]
    await reader.stop()
    await writer.stop()
    return {"values": seen}


async def produce(address, _):
    writer = await producer(address)
    await writer.send_and_wait("orders", b"one", b"a", partition=0, headers=[("trace", b"x")])
    await writer.send_and_wait("orders", b"two", b"b", partition=1)
    await writer.send_and_wait("orders", None, b"c", partition=2)
    await writer.send_and_wait("orders", b"four", b"d")
    await writer.stop()


async def consume(address, protocol):
    classic_only(protocol)
    reader = await consumer(address)
    records = []
    while len(records) < 99:
        record = await reader.getone()
        trace = dict(record.headers)["trace"].decode()
        records.append(
            [record.partition, record.offset, record.key.decode(), record.value.decode(), trace]
        )
    await reader.commit()
    await reader.stop()
    return {"records": records}


async def share(address, protocol):
    classic_only(protocol)
    reader = await consumer(address)
    seen = []
    while "stop" not in seen:
        seen.append((await reader.getone()).value.decode())
        await reader.commit()
    await reader.stop()
    return {"values": seen[:-1]}


async def rebalance(address, protocol):
    classic_only(protocol)
    members = [await consumer(address) for _ in range(3)]

    async def settle(those):
        while True:
            for member in those:
                await member.getmany(timeout_ms=20)
            owned = [[each.partition for each in member.assignment()] for member in those]
            if is_shared(owned):
                return owned

    three = await settle(members)
    await members[0].stop()
    two = await settle(members[1:])
    for member in members[1:]:
        await member.stop()
    return {"three": three, "two": two}


async def seek(address, _):
    reader = await consumer(address, topics=())
    reader.assign([ORDERS])
    reader.seek(ORDERS, 7)
    read = [(await reader.getone()).offset for _ in range(3)]
    await reader.stop()
    return {"offsets": read}


async def offsets(address, timestamp):
    reader = await consumer(address, topics=())
    reader.assign([ORDERS])
    earliest = (await reader.beginning_offsets([ORDERS]))[ORDERS]
    latest = (await reader.end_offsets([ORDERS]))[ORDERS]
    by_time = (await reader.offsets_for_times({ORDERS: int(timestamp)}))[ORDERS].offset
    await reader.commit({ORDERS: 5})
    committed = await reader.committed(ORDERS)
    await reader.stop()
    return {"earliest": earliest, "latest": latest, "byTime": by_time, "committed": committed}


async def reset(address, _):
    reader = await consumer(address)
    first = (await reader.getone()).offset
    await reader.stop()
    return {"first": first}


async def transactions(address, _):
    writer = await producer(address, transactional_id="matrix")
    reader = await consumer(address)
    for _ in range(3):
        record = await reader.getone()
        async with writer.transaction():
            await writer.send("payments", b"paid " + record.value)
            await writer.send_offsets_to_transaction({ORDERS: record.offset + 1}, "billing")
    await reader.stop()
    await writer.begin_transaction()
    await writer.send_and_wait("payments", b"lost")
    await writer.abort_transaction()
    async with writer.transaction():
        await writer.send("payments", b"last")
    await writer.stop()
    audit = await consumer(address, "audit", ("payments",), isolation_level="read_committed")
    read = []
    while "last" not in read:
        read.append((await audit.getone()).value.decode())
    await audit.stop()
    return {"read": read}


async def admin_topics(address, _):
    client = await admin(address)
    configs = {"retention.ms": "60000"}
    await client.create_topics([NewTopic("made", 3, 1, topic_configs=configs)])
    listed = sorted(await client.list_topics())
    [described] = await client.describe_topics(["made"])
    await client.create_partitions({"made": NewPartitions(5)})
    await client.delete_topics(["old"])
    await client.close()
    return {"listed": listed, "partitions": len(described["partitions"])}


async def admin_records(address, _):
    client = await admin(address)
    await client.delete_records({ORDERS: RecordsToDelete(4)})
    await client.close()


async def admin_configs(address, _):
    client = await admin(address)

    async def retention():
        resource = ConfigResource(ConfigResourceType.TOPIC, "orders", {"retention.ms": None})
        [response] = await client.describe_configs([resource])
        return response.resources[0][4][0][1]

    before = await retention()
    resource = ConfigResource(ConfigResourceType.TOPIC, "orders", {"retention.ms": "120000"})
    await client.alter_configs([resource])
    after = await retention()
    await client.close()
    return {"before": before, "after": after}


async def admin_groups(address, _):
    client = await admin(address)
    listed = [group[0] for group in await client.list_consumer_groups()]
    [response] = await client.describe_consumer_groups(["stale"])
    found = await client.list_consumer_group_offsets("stale")
    await client.close()
    # It has no way to delete a group.
    return {"listed": listed, "state": response.groups[0][2], "offset": found[ORDERS].offset, "deleted": False}


def run(action):
    return lambda address, argument: asyncio.run(action(address, argument))


drive(
    aiokafka.__version__,
    {
        "produce": run(produce),
        "consume": run(consume),
        "share": run(share),
        "rebalance": run(rebalance),
        "seek": run(seek),
        "offsets": run(offsets),
        "reset": run(reset),
        "transactions": run(transactions),
        "admin-topics": run(admin_topics),
        "admin-records": run(admin_records),
        "admin-configs": run(admin_configs),
        "admin-groups": run(admin_groups),
        "codec": run(lambda address, name: round_trip(address, 50, name)),
        "sasl": run(
            lambda address, mechanism: round_trip(
                address,
                1,
                security_protocol="SASL_PLAINTEXT",
                sasl_mechanism=mechanism,
                sasl_plain_username=USER,
                sasl_plain_password=PASSWORD,
            )
        ),
        "tls": run(
            lambda address, _: round_trip(
                address, 1, security_protocol="SSL", ssl_context=create_ssl_context(cafile=TLS_CA)
            )
        ),
    },
)
