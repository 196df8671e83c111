"""A service that misbehaves, in the way that a file says for each call: a line with a word, and the rest what it needs.

usage: bus_liar.py URL SERVICE FILE
   tell JSON         answers with it            refuse STATUS DETAIL   answers with a problem document
   garble            answers with random bytes  strange JSON           answers with it, to a call that nobody made
   huge BYTES        answers with so many       slow SECONDS JSON      answers with it, late
   silent            answers nothing            twice JSON             answers with it two times
It counts the calls in FILE.calls, and writes what it was asked last into FILE.asked.
"""
import json
import os
import sys
import time

import pika


def main(url, service, path):
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    queue = f"orrery.rpc.{service}"
    channel.queue_declare(queue, durable=True)
    calls = 0

    def send(properties, body, kind="application/json", status=200, correlation=None):
        channel.basic_publish("", properties.reply_to, body, pika.BasicProperties(
            content_type=kind, headers={"status": status}, correlation_id=correlation or properties.correlation_id))

    def take(_, delivery, properties, body):
        nonlocal calls
        calls += 1
        for name, text in (("asked", body.decode()), ("calls", str(calls))):
            with open(f"{path}.new", "w", encoding="utf-8") as file:
                file.write(text)
            os.rename(f"{path}.new", f"{path}.{name}")
        with open(path, encoding="utf-8") as file:
            word, _, rest = file.read().strip().partition(" ")
        if word == "tell":
            send(properties, rest)
        elif word == "refuse":
            status, _, detail = rest.partition(" ")
            document = json.dumps({"type": "about:blank", "title": "No", "status": int(status), "detail": detail})
            send(properties, document, "application/problem+json", int(status))
        elif word == "garble":
            send(properties, os.urandom(1000))
        elif word == "huge":
            send(properties, b"x" * int(rest))
        elif word == "strange":
            send(properties, rest, correlation="of nobody")
        elif word == "slow":
            seconds, _, rest = rest.partition(" ")
            time.sleep(float(seconds))
            send(properties, rest)
        elif word == "twice":
            send(properties, rest)
            send(properties, rest)
        channel.basic_ack(delivery.delivery_tag)

    channel.basic_consume(queue, take)
    print("serving", flush=True)
    channel.start_consuming()


main(*sys.argv[1:])
