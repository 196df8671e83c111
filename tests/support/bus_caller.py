"""Calls Orrery's methods as a stranger to it would: reads calls, a line of JSON each, sends them all at once, and prints the answers as a
JSON list, in the order of the calls; null for one that had none in time.

usage: bus_caller.py URL SECONDS CALLS
A call: {"method": …, "message": object | "text": … | "bytes": number of letters x | "base64": …, "message_id": …, "silent": true}
"""
import base64
import json
import sys
import time

import pika


def body_of(call):
    if "base64" in call:
        return base64.b64decode(call["base64"])
    if "bytes" in call:
        return b"x" * call["bytes"]
    return call["text"].encode() if "text" in call else json.dumps(call["message"]).encode()


def main(url, seconds, path):
    with open(path, encoding="utf-8") as file:
        calls = [json.loads(line) for line in file]
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    answers = [None] * len(calls)

    def take(_, __, properties, body):
        number = int(properties.correlation_id)
        assert answers[number] is None, f"two answers to call {number}"
        answers[number] = {"status": properties.headers["status"], "type": properties.content_type, "body": json.loads(body)}

    channel.basic_consume("amq.rabbitmq.reply-to", take, auto_ack=True)
    for number, call in enumerate(calls):
        properties = pika.BasicProperties(type=call.get("method"), message_id=call.get("message_id"),
                                          correlation_id=str(number), headers=call.get("headers"),
                                          reply_to=None if call.get("silent") else "amq.rabbitmq.reply-to")
        channel.basic_publish("", call.get("queue", "orrery.rpc"), body_of(call), properties)
    over = time.monotonic() + seconds
    while time.monotonic() < over and any(not answers[n] and not calls[n].get("silent") for n in range(len(calls))):
        connection.process_data_events(time_limit=0.2)
    json.dump(answers, sys.stdout)


main(sys.argv[1], float(sys.argv[2]), sys.argv[3])
