#!/usr/bin/python3
"""An independent listener to events: binds a durable queue of its own to an exchange, and writes down what arrives, one line an
event: its number, its routing key, whether the broker delivers it again. A broker that goes away is awaited.
usage: consumer.py URL EXCHANGE QUEUE PATTERN FILE
FILE.bound is there as soon as the queue is."""
import json
import sys
import time

import pika

url, exchange, queue, pattern, path = sys.argv[1:]
out = open(path, "a", buffering=1)


def arrived(channel, method, properties, body):
    event = json.loads(body)
    if not (event["id"] == properties.message_id and properties.content_type == "application/cloudevents+json"
            and properties.delivery_mode == 2 and event["specversion"] == "1.0"):
        out.write("wrong %s %r\n" % (properties, body))
    out.write("%s %s %d\n" % (event["id"], method.routing_key, method.redelivered))
    channel.basic_ack(method.delivery_tag)


def listen():
    parameters = pika.URLParameters(url)
    parameters.heartbeat = 2
    channel = pika.BlockingConnection(parameters).channel()
    channel.exchange_declare(exchange, "topic", durable=True)
    channel.queue_declare(queue, durable=True)
    channel.queue_bind(queue, exchange, pattern)
    channel.basic_qos(prefetch_count=200)
    channel.basic_consume(queue, arrived)
    open(path + ".bound", "w").close()
    channel.start_consuming()


while True:
    try:
        listen()
    except (pika.exceptions.AMQPError, OSError) as why:
        print("waiting for the broker: %r" % why, file=sys.stderr)
        time.sleep(0.2)
