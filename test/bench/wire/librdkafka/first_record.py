"""Starts a member of a new KIP-848 group and prints how many milliseconds its first record took.

first_record.py ADDRESS TOPIC GROUP
"""

import sys
import time

from confluent_kafka import Consumer, KafkaException

address, topic, group = sys.argv[1:]
started = time.perf_counter()
consumer = Consumer(
    {
        "bootstrap.servers": address,
        "group.id": group,
        "group.protocol": "consumer",
        "auto.offset.reset": "earliest",
    }
)
consumer.subscribe([topic])
record = consumer.poll(30)
took = time.perf_counter() - started
if record is None:
    sys.exit("no record within 30 s")
if record.error():
    raise KafkaException(record.error())
print(took * 1000)
consumer.close()
