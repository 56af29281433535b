"""Starts one broker of librdkafka's mock cluster, prints its address and version, and ends when its input does.

A line of input makes or deletes a topic, for the mock has no admin API: `create NAME PARTITIONS`, `delete NAME`. Each is
answered by `ok`.
"""

import ctypes
import pathlib
import sys

import confluent_kafka

PRODUCER = 0


def load():
    """The librdkafka that the Python client brings."""
    site = pathlib.Path(confluent_kafka.__file__).parent.parent
    library = ctypes.CDLL(str(next(site.glob("confluent_kafka.libs/librdkafka*"))))
    for name in ("rd_kafka_conf_new", "rd_kafka_new", "rd_kafka_mock_cluster_new"):
        getattr(library, name).restype = ctypes.c_void_p
    library.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
    return library


def check(error):
    if error != 0:
        raise RuntimeError(f"librdkafka's error {error}")


library = load()
reason = ctypes.create_string_buffer(512)
conf = ctypes.c_void_p(library.rd_kafka_conf_new())
client = library.rd_kafka_new(PRODUCER, conf, reason, ctypes.c_size_t(len(reason)))
if client is None:
    sys.exit(reason.value.decode())
cluster = ctypes.c_void_p(library.rd_kafka_mock_cluster_new(ctypes.c_void_p(client), 1))
library.rd_kafka_mock_group_initial_rebalance_delay_ms(cluster, ctypes.c_int32(0))
print(library.rd_kafka_mock_cluster_bootstraps(cluster).decode(), confluent_kafka.libversion()[0], flush=True)
for line in sys.stdin:
    action, topic, *partitions = line.split()
    if action == "create":
        check(library.rd_kafka_mock_topic_create(cluster, topic.encode(), int(partitions[0]), 1))
    else:
        check(library.rd_kafka_mock_topic_delete(cluster, topic.encode()))
    print("ok", flush=True)
