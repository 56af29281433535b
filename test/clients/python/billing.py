"""A service that knows confluent-kafka and nothing of brokerlet: it turns orders into payments."""

import json

from confluent_kafka import Consumer, Producer


def bill(servers, stopped):
    """Works until `stopped` is set."""
    producer = Producer({"bootstrap.servers": servers})
    consumer = Consumer(
        {
            "bootstrap.servers": servers,
            "group.id": "billing",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe(["orders"])
    while not stopped.is_set():
        message = consumer.poll(0.1)
        if message is None or message.error():
            continue
        order = json.loads(message.value())
        payment = {"orderId": order["id"], "amount": order["total"]}
        producer.produce("payments", key=order["id"], value=json.dumps(payment))
        producer.flush()
        consumer.commit(message, asynchronous=False)
    consumer.close()
