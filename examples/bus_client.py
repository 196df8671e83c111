#!/usr/bin/python3
"""Drives Orrery over RabbitMQ alone: makes a simulation, runs a command in so many jobs, and waits for their end by the events.

    ORRERY_TOKEN=… bus_client.py --url amqp://user:password@host/vhost --jobs 3 -- /bin/echo hello

Orrery's methods are called by messages to the queue PREFIX.rpc: their type is the method, their body {"token", "params", "body"}.
Each call has a message_id, so that one whose answer was lost with the connection can be sent again and is carried out once.
"""
import argparse
import json
import os
import sys
import time
import uuid

import pika

ENDED = {"COMPLETED", "FAILED", "CANCELED"}


def say(sentence):
    print(f"bus_client.py: {sentence}", file=sys.stderr)


class Problem(Exception):
    """Orrery says no: the problem document, and its sentence."""

    def __init__(self, document):
        super().__init__(document.get("detail") or document.get("title"))
        self.document = document


class Orrery:
    """One connection to the broker, made again when it is lost."""

    def __init__(self, url, token, prefix="orrery"):
        self.url, self.token, self.prefix = url, token, prefix
        self.patterns, self.answers, self.events = [], {}, []
        self.connect()

    def connect(self):
        self.connection = pika.BlockingConnection(pika.URLParameters(self.url))
        self.channel = self.connection.channel()
        self.channel.confirm_delivery()
        self.channel.basic_consume("amq.rabbitmq.reply-to", self.take_answer, auto_ack=True)
        for pattern in self.patterns:
            self.bind(pattern)

    def bind(self, pattern):
        queue = self.channel.queue_declare("", exclusive=True).method.queue
        self.channel.queue_bind(queue, f"{self.prefix}.events", pattern)
        self.channel.basic_consume(queue, self.take_event, auto_ack=True)

    def take_answer(self, channel, method, properties, body):
        self.answers[properties.correlation_id] = (properties, json.loads(body))

    def take_event(self, channel, method, properties, body):
        self.events.append(json.loads(body))

    def send(self, method, message, message_id):
        """Sends a call and waits for its answer, which may be lost with the connection."""
        correlation = uuid.uuid4().hex
        self.channel.basic_publish("", f"{self.prefix}.rpc", json.dumps(message), pika.BasicProperties(
            type=method, message_id=message_id, reply_to="amq.rabbitmq.reply-to", correlation_id=correlation), mandatory=True)
        while correlation not in self.answers:
            self.connection.process_data_events(time_limit=1)
        return self.answers.pop(correlation)

    def call(self, method, params=None, body=None):
        """Calls a method → what it answers; raises Problem."""
        message, message_id = {"token": self.token, "params": params or {}}, uuid.uuid4().hex
        if body is not None:
            message["body"] = body
        while True:
            try:
                properties, answer = self.send("orrery." + method, message, message_id)
                break
            except pika.exceptions.UnroutableError:
                say(f"no Orrery reads the queue {self.prefix}.rpc at this broker; trying again")
                time.sleep(1)
            except pika.exceptions.AMQPConnectionError:
                self.reconnect()
        if properties.content_type == "application/problem+json":
            raise Problem(answer)
        return answer

    def reconnect(self):
        say("the broker is away; trying again")
        while True:
            try:
                return self.connect()
            except (pika.exceptions.AMQPError, OSError):
                time.sleep(1)

    def listen(self, pattern):
        """From now on events whose routing key matches the pattern are gathered."""
        self.patterns.append(pattern)
        self.bind(pattern)

    def wait(self, seconds):
        """Waits for events, at most so long → those that have come. None may have come, and one twice."""
        try:
            if not self.events:
                self.connection.process_data_events(time_limit=seconds)
        except pika.exceptions.AMQPConnectionError:
            self.reconnect()
        events, self.events = self.events, []
        return events


def run(orrery, command, count):
    """Runs the command in so many jobs → the jobs, when all have ended."""
    simulation = orrery.call("simulations.create", body={"name": "over the bus"})["id"]
    orrery.listen(f"job.state.{simulation}.*")  # before there is a job, so that nothing is missed
    specs = [{"executable": command[0], "arguments": command[1:]} for _ in range(count)]
    made = orrery.call("jobs.create", {"id": simulation}, {"jobs": specs})["items"]
    refused = [item["problem"] for item in made if "problem" in item]
    if refused:
        raise Problem(refused[0])
    left = {item["job"]["id"] for item in made}
    while left:
        for event in orrery.wait(10):
            data = event["data"]
            print(f"{event['time']} {data['job_id']} {data['to']}", file=sys.stderr)
            if data["to"] in ENDED:
                left.discard(data["job_id"])
        for job in list(left)[:1]:  # events are at least once; that they come at all is looked after now and then
            if orrery.call("jobs.get", {"id": job})["state"] in ENDED:
                left.discard(job)
    return orrery.call("simulations.jobs", {"id": simulation, "limit": 1000})["items"]


def main():
    parser = argparse.ArgumentParser(description="Runs a command in some jobs, over RabbitMQ.")
    parser.add_argument("--url", required=True, help="the broker: amqp://user:password@host:port/vhost")
    parser.add_argument("--prefix", default="orrery", help="bus.prefix of Orrery's configuration")
    parser.add_argument("--jobs", type=int, default=1, help="how many (default: 1)")
    parser.add_argument("command", nargs="+", help="the executable, and its arguments")
    options = parser.parse_args()
    token = os.environ.get("ORRERY_TOKEN")
    if not token:
        parser.error("put the token into the variable ORRERY_TOKEN")
    try:
        jobs = run(Orrery(options.url, token, options.prefix), options.command, options.jobs)
    except Problem as refusal:
        sys.exit(f"bus_client.py: {refusal}")
    except (pika.exceptions.AMQPError, OSError) as error:
        sys.exit(f"bus_client.py: the broker of --url cannot be used: {str(error) or repr(error)}")
    for job in jobs:
        print(job["id"], job["state"], job["exit_code"])
    sys.exit(any(job["state"] != "COMPLETED" for job in jobs))


if __name__ == "__main__":
    main()
