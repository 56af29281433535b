"""A service that uses confluent-kafka, tested without Kafka. See docs/kafka-clients.md."""

import json
import os
import signal
import subprocess
import unittest
from threading import Event, Thread

from confluent_kafka import Consumer, Producer

from billing import bill


class BillingTest(unittest.TestCase):
    def setUp(self):
        command = ["npx", "brokerlet", "--port", "0", "--topic", "orders:3", "--topic", "payments", "--quiet"]
        # A session of its own: npx does not hand a signal on, so that both are sent it.
        self.kafka = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
        self.address = self.kafka.stdout.readline().strip()
        self.stopped = Event()
        self.billing = Thread(target=bill, args=[self.address, self.stopped])
        self.billing.start()

    def tearDown(self):
        self.stopped.set()
        self.billing.join()
        os.killpg(self.kafka.pid, signal.SIGTERM)
        self.kafka.wait()
        self.kafka.stdout.close()

    def test_each_order_becomes_one_payment(self):
        orders = Producer({"bootstrap.servers": self.address})
        for order in ["o-1", "o-2", "o-3"]:
            orders.produce("orders", key=order, value=json.dumps({"id": order, "total": 30}))
        orders.flush()

        payments = Consumer(
            {"bootstrap.servers": self.address, "group.id": "test", "auto.offset.reset": "earliest"}
        )
        payments.subscribe(["payments"])
        seen = [json.loads(payments.consume(1, 10)[0].value()) for _ in range(3)]
        payments.close()
        self.assertEqual(sorted(each["orderId"] for each in seen), ["o-1", "o-2", "o-3"])
