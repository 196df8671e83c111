"""What every service that Orrery asks over RabbitMQ has to do, whatever it is asked about.

A service reads the durable queue PREFIX.rpc.NAME. The type of a message is the method, its body a JSON object. The answer goes to
the queue that reply_to names, with the same correlation_id: JSON, or a problem document (RFC 9457) that says why there is none.
A connection that is lost is made again; what was not answered until then comes again.
"""
import argparse
import json
import logging
import os
import time

import pika

LONGEST_PAUSE = 30  # seconds between two attempts to connect

log = logging.getLogger("service")


def options_of(description, file, meaning):
    """The command line of a service that reads a file (--users, say), and its log set up."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--url", required=True, help="the broker: amqp://user:password@host:port/vhost")
    parser.add_argument("--prefix", default="orrery", help="bus.prefix of Orrery's configuration")
    parser.add_argument(file, required=True, help=meaning)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("pika").setLevel(logging.CRITICAL)  # it tells of every attempt; this file tells of the failed ones
    return parser.parse_args()


class Refusal(Exception):
    """Raised by a method that says no: an HTTP status, and why, in a sentence."""

    def __init__(self, status, detail):
        super().__init__(detail)
        self.status = status


def problem(status, detail):
    document = {"type": "about:blank", "title": "Refused", "status": status, "detail": detail}
    return status, "application/problem+json", document


def answer_of(methods, name, body):
    """The status, the content type and the document that answer one call."""
    try:
        request = json.loads(body)
        if not isinstance(request, dict):
            raise ValueError("a request is a JSON object")
    except (ValueError, RecursionError) as error:
        return problem(400, f"The message cannot be read: {error}.")
    if name not in methods:
        return problem(404, f"There is no method {name}; there is {', '.join(methods)}.")
    try:
        return 200, "application/json", methods[name](request)
    except Refusal as refusal:
        return problem(refusal.status, str(refusal))
    except Exception:  # a defect costs this call its answer, and no other
        log.exception("%s failed", name)
        return problem(500, "A defect of the service; its log says more.")


def reply(channel, properties, status, content_type, document):
    if not properties.reply_to:
        return
    channel.basic_publish("", properties.reply_to, json.dumps(document), pika.BasicProperties(
        content_type=content_type, correlation_id=properties.correlation_id, headers={"status": status}))


def serve_while_connected(channel, prefix, name, methods, now_and_then):
    queue = f"{prefix}.rpc.{name}"
    channel.exchange_declare(f"{prefix}.events", "topic", durable=True)
    channel.queue_declare(queue, durable=True)
    channel.basic_qos(prefetch_count=64)
    log.info("serving %s", queue)

    def publish(key, body):
        channel.basic_publish(f"{prefix}.events", key, json.dumps(body),
                              pika.BasicProperties(content_type="application/json"))

    for delivery, properties, body in channel.consume(queue, inactivity_timeout=0.5):
        if delivery:
            reply(channel, properties, *answer_of(methods, properties.type, body))
            channel.basic_ack(delivery.delivery_tag)
        now_and_then(publish)


def serve(url, prefix, name, methods, now_and_then=lambda publish: None):
    """Serves for ever. `methods` are functions of the decoded request; `now_and_then` is called between calls, and may
    publish(key, body) what others should know."""
    pause = 0.5
    while True:
        try:
            connection = pika.BlockingConnection(pika.URLParameters(url))
            pause = 0.5
            serve_while_connected(connection.channel(), prefix, name, methods, now_and_then)
        except (pika.exceptions.AMQPError, OSError) as error:
            log.warning("no broker: %r; trying again in %g s", error, pause)
            time.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)


class WatchedFile:
    """A JSON file that may be changed at any time; one that is broken leaves what was read before."""

    def __init__(self, path):
        self.path, self.stamp, self.content = path, None, {}
        self.read()

    def read(self):
        """Reads it anew, if it has changed; whether it has."""
        try:
            about = os.stat(self.path)
            stamp = (about.st_mtime_ns, about.st_size, about.st_ino)
            if stamp == self.stamp:
                return False
            self.stamp = stamp
            with open(self.path, encoding="utf-8") as file:
                self.content = json.load(file)
            return True
        except (OSError, ValueError) as error:
            log.error("%s cannot be read: %s", self.path, error)
            return False
