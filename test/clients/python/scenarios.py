"""Runs the scenarios of ../scenarios.ts with the official Python client, as a program of a user would.

The broker is found by PUBSUB_EMULATOR_HOST alone. Usage: python3 scenarios.py PROJECT. Prints one line
of JSON per scenario: {"scenario": ..., "facts": {...}} or {..., "error": "..."}.
"""

import datetime
import json
import queue
import sys
import threading
import time

from google.api_core import exceptions
from google.cloud import pubsub_v1
from google.rpc import error_details_pb2, status_pb2

PROJECT = sys.argv[1]
PATIENCE_SECONDS = 100
publisher = pubsub_v1.PublisherClient()
subscriber = pubsub_v1.SubscriberClient()


class Bench:
    """What a scenario works on: resources that bear its own name."""

    def __init__(self, name, suffix="", **more):
        self.topic = publisher.topic_path(PROJECT, name + suffix)
        self.subscription = subscriber.subscription_path(PROJECT, name + suffix)
        self.snapshot = subscriber.snapshot_path(PROJECT, name + suffix)
        publisher.create_topic(request={"name": self.topic})
        request = {"name": self.subscription, "topic": self.topic, **more}
        subscriber.create_subscription(request=request)

    def publish(self, *texts, **attributes):
        """One after the other, each once the one before was answered."""
        for text in texts:
            publisher.publish(self.topic, text.encode(), **attributes).result(PATIENCE_SECONDS)

    def receive(self, handle, flow_control=()):
        """Hands messages over, one at a time, until `handle` says that it has what it wants."""
        inbox = queue.Queue()
        streaming = subscriber.subscribe(
            self.subscription, inbox.put, flow_control=pubsub_v1.types.FlowControl(*flow_control)
        )
        streaming.add_done_callback(inbox.put)
        while True:
            message = inbox.get(timeout=PATIENCE_SECONDS)
            if message is streaming:
                return streaming.result()
            if handle(message):
                break
        streaming.cancel()
        streaming.result(PATIENCE_SECONDS)

    def take(self, count):
        """Acknowledges so many messages; their texts, sorted."""
        texts = []

        def handle(message):
            texts.append(message.data.decode())
            message.ack()
            return len(texts) == count

        self.receive(handle)
        return sorted(texts)

    def pull(self):
        """Waits for one message by a unary call."""
        while True:
            request = {"subscription": self.subscription, "max_messages": 1}
            answer = subscriber.pull(request=request)
            if answer.received_messages:
                return answer.received_messages[0]

    def acknowledge(self, ack_id):
        subscriber.acknowledge(request={"subscription": self.subscription, "ack_ids": [ack_id]})

    def seek(self, **target):
        subscriber.seek(request={"subscription": self.subscription, **target})


def refusal(call, *args):
    """The refusal of a call; None if it went through."""
    try:
        call(*args)
    except exceptions.GoogleAPICallError as error:
        return error
    return None


def code(error):
    return "OK" if error is None else error.grpc_status_code.name


def error_info(error):
    """The ErrorInfo of a refusal; it is the first of its details."""
    trailers = dict(error.errors[0].trailing_metadata())
    status = status_pb2.Status.FromString(trailers["grpc-status-details-bin"])
    info = error_details_pb2.ErrorInfo()
    return info if status.details[0].Unpack(info) else None


def batching(name):
    bench = Bench(name)
    futures = [publisher.publish(bench.topic, b"%d" % at) for at in range(300)]
    ids = {future.result(PATIENCE_SECONDS) for future in futures}
    received = set()

    def handle(message):
        received.add(message.message_id)
        message.ack()
        return len(received) == 300

    bench.receive(handle)
    return {"ids": len(ids), "received": len(received & ids)}


def ordering(name):
    """Three keys of twenty messages; the fourth of one key is given back once."""
    bench = Bench(name, enable_message_ordering=True)
    ordered = pubsub_v1.PublisherClient(
        publisher_options=pubsub_v1.types.PublisherOptions(enable_message_ordering=True)
    )
    for at in range(20):
        for key in "abc":
            ordered.publish(bench.topic, bytes([at]), ordering_key=key)
    last, messages, seen = {}, set(), {"in_order": True, "gave_back": 0}

    def handle(message):
        key, at = message.ordering_key, message.data[0]
        # A step forwards is one message; a step backwards begins a redelivery.
        if at > last.get(key, -1) + 1:
            seen["in_order"] = False
        last[key] = at
        if (key, at) == ("a", 3):
            seen["gave_back"] += 1
            if seen["gave_back"] == 1:
                message.nack()
                return False
        message.ack()
        messages.add(message.message_id)
        return len(messages) == 60 and seen["gave_back"] > 1 and last["a"] == 19

    bench.receive(handle)
    redelivered = seen["gave_back"] > 1
    return {"messages": len(messages), "inOrder": seen["in_order"], "redelivered": redelivered}


def exactly_once(name):
    bench = Bench(name, enable_exactly_once_delivery=True)
    bench.publish(*map(str, range(20)))
    results = []

    def handle(message):
        results.append(message.ack_with_response())
        return len(results) == 20

    # The client only learns of acks while it receives: the last is awaited before it stops.
    def handle_and_wait(message):
        is_last = handle(message)
        return is_last and all(result.result(PATIENCE_SECONDS) for result in results)

    bench.receive(handle_and_wait)
    confirmed = sum(result.result().name == "SUCCESS" for result in results)
    bench.publish("late")
    first = bench.pull()
    give_back = {"subscription": bench.subscription, "ack_ids": [first.ack_id]}
    subscriber.modify_ack_deadline(request={**give_back, "ack_deadline_seconds": 0})
    second = bench.pull()
    late = refusal(bench.acknowledge, first.ack_id)
    bench.acknowledge(second.ack_id)
    again = code(refusal(bench.acknowledge, second.ack_id))
    reason = "" if late is None else error_info(late).metadata[first.ack_id]
    return {"confirmed": confirmed, "late": reason, "again": again}


def dead_letter(name):
    grave = Bench(name, "-grave")
    policy = {"dead_letter_topic": grave.topic, "max_delivery_attempts": 5}
    bench = Bench(name, dead_letter_policy=policy)
    bench.publish("poison")
    attempts = []

    def handle(message):
        attempts.append(message.delivery_attempt)
        message.nack()
        return len(attempts) == 5

    bench.receive(handle)
    buried = grave.pull().message
    prefix = "CloudPubSubDeadLetterSource"
    return {
        "attempts": attempts,
        "text": buried.data.decode(),
        "count": buried.attributes[prefix + "DeliveryCount"],
        "subscription": buried.attributes[prefix + "Subscription"],
    }


def message_filter(name):
    bench = Bench(name, filter='attributes.kind = "wanted" AND NOT attributes:muted')
    bench.publish("first", kind="wanted")
    bench.publish("other", kind="other")
    bench.publish("bare", color="red")
    bench.publish("muted", kind="wanted", muted="")
    bench.publish("second", kind="wanted", color="blue")
    return {"received": bench.take(2)}


def snapshot(name):
    bench = Bench(name)
    bench.publish("1", "2", "3")
    request = {"name": bench.snapshot, "subscription": bench.subscription}
    subscriber.create_snapshot(request=request)
    first = bench.take(3)
    bench.seek(snapshot=bench.snapshot)
    return {"first": first, "replayed": bench.take(3)}


def seek(name):
    """Back to the publish time of the first message, then over everything into the year 3000."""
    bench = Bench(name, retain_acked_messages=True)
    bench.publish("1", "2", "3")
    times = []

    def handle(message):
        times.append(message.publish_time)
        message.ack()
        return len(times) == 3

    bench.receive(handle)
    bench.seek(time=min(times))
    replayed = bench.take(3)
    bench.publish("purged")
    bench.seek(time=datetime.datetime(3000, 1, 1, tzinfo=datetime.timezone.utc))
    bench.publish("after")
    return {"replayed": replayed, "afterPurge": bench.take(1)}


def detach(name):
    bench = Bench(name)
    publisher.detach_subscription(request={"subscription": bench.subscription})
    found = subscriber.get_subscription(request={"subscription": bench.subscription})
    stream = refusal(bench.receive, lambda message: False)
    pull = refusal(bench.pull)
    return {"detached": found.detached, "pull": code(pull), "stream": code(stream)}


def flow_control(name):
    """Sixty messages through a window of five."""
    bench = Bench(name)
    bench.publish(*map(str, range(60)))
    lock, done = threading.Lock(), threading.Event()
    held, received, most = set(), set(), []

    def callback(message):
        with lock:
            held.add(message.ack_id)
            most.append(len(held))
        with lock:
            held.discard(message.ack_id)
            received.add(message.message_id)
        message.ack()
        if len(received) == 60:
            done.set()

    window = pubsub_v1.types.FlowControl(max_messages=5)
    streaming = subscriber.subscribe(bench.subscription, callback, flow_control=window)
    done.wait(PATIENCE_SECONDS)
    streaming.cancel()
    streaming.result(PATIENCE_SECONDS)
    return {"received": len(received), "isBounded": max(most) <= 5}


def lease(name):
    """One message is held over more than two deadlines of its subscription."""
    bench = Bench(name, ack_deadline_seconds=10)
    bench.publish("held")
    deliveries, done = [], threading.Event()

    def callback(message):
        deliveries.append(message)
        if len(deliveries) > 1:
            return message.nack()
        time.sleep(25)
        message.ack()
        done.set()

    streaming = subscriber.subscribe(bench.subscription, callback)
    done.wait(PATIENCE_SECONDS)
    streaming.cancel()
    streaming.result(PATIENCE_SECONDS)
    request = {"subscription": bench.subscription, "max_messages": 1, "return_immediately": True}
    left = subscriber.pull(request=request).received_messages
    return {"deliveries": len(deliveries), "left": len(left)}


SCENARIOS = {
    "batching": batching,
    "ordering": ordering,
    "exactly-once": exactly_once,
    "dead-letter": dead_letter,
    "filter": message_filter,
    "snapshot": snapshot,
    "seek": seek,
    "detach": detach,
    "flow-control": flow_control,
    "lease": lease,
}
printing = threading.Lock()


def run(name):
    try:
        line = {"scenario": name, "facts": SCENARIOS[name](name)}
    except Exception as error:  # noqa: BLE001 - whatever went wrong is this scenario's result
        line = {"scenario": name, "error": f"{type(error).__name__}: {error}"}
    with printing:
        print(json.dumps(line), flush=True)


threads = [threading.Thread(target=run, args=[name]) for name in SCENARIOS]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
