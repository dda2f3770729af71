"""Sends and receives while the server dies again and again, then counts.

Usage: crash.py ENDPOINT STOP, where STOP is a file that ends the first part.

A message is hidden from the moment its receive is committed, which lies between request and answer. So the answer to a
second receive must come at least the visibility time after the request of the first.
"""

import collections
import os
import sys
import threading
import time

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

endpoint, stop = sys.argv[1:3]
VISIBLE_AFTER = 5
PATIENCE = 120
CONFIG = Config(retries={"total_max_attempts": 1}, read_timeout=10)


def client():
    return boto3.session.Session().client("sqs", endpoint_url=endpoint, config=CONFIG)


def until_done(call):
    """Repeats a call that may be repeated."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return call()
        except (BotoCoreError, ClientError):
            assert time.monotonic() < deadline, "the server does not come back"
            time.sleep(0.02)


first = client()
attributes = {"VisibilityTimeout": str(VISIBLE_AFTER)}
plain = until_done(lambda: first.create_queue(QueueName="plain", Attributes=attributes))["QueueUrl"]
ordered = until_done(lambda: first.create_queue(
    QueueName="ordered.fifo", Attributes={**attributes, "FifoQueue": "true"}))["QueueUrl"]

sent = set()
received = collections.defaultdict(list)
deleted = {}
ordered_sent = collections.Counter()
ordered_received = collections.defaultdict(list)
failures = []
done = threading.Event()


def guarded(work):
    def run(*arguments):
        try:
            work(*arguments)
        except BaseException as error:
            failures.append(error)
            done.set()
            raise
    return run


@guarded
def send_plain(number):
    sqs, count = client(), 0
    while not os.path.exists(stop) and not failures:
        # Each try is a message of its own: one without an answer may be there or not.
        entries = [{"Id": str(n), "MessageBody": f"{number} {count + n}"} for n in range(10)]
        count += 10
        try:
            answer = sqs.send_message_batch(QueueUrl=plain, Entries=entries)
        except (BotoCoreError, ClientError):
            time.sleep(0.02)
            continue
        sent.update(entries[int(entry["Id"])]["MessageBody"] for entry in answer["Successful"])


@guarded
def send_ordered(group):
    sqs = client()
    while not os.path.exists(stop) and not failures:
        body = str(ordered_sent[group])
        until_done(lambda: sqs.send_message(
            QueueUrl=ordered, MessageBody=body, MessageGroupId=group, MessageDeduplicationId=f"{group}-{body}"))
        ordered_sent[group] += 1


def receive(sqs, url, wait):
    asked = time.monotonic()
    answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=wait, AttributeNames=["All"])
    return asked, time.monotonic(), answer.get("Messages", [])


def remove(sqs, url, messages):
    entries = [{"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]} for n, message in enumerate(messages)]
    answer = sqs.delete_message_batch(QueueUrl=url, Entries=entries)
    return [messages[int(entry["Id"])] for entry in answer["Successful"]]


@guarded
def receive_plain():
    sqs = client()
    while not done.is_set():
        try:
            asked, answered, messages = receive(sqs, plain, 1)
            for message in messages:
                received[message["Body"]].append((asked, answered))
            if messages:
                for message in remove(sqs, plain, messages):
                    deleted[message["Body"]] = time.monotonic()
        except (BotoCoreError, ClientError):
            time.sleep(0.02)


@guarded
def receive_ordered():
    sqs = client()
    while not done.is_set():
        try:
            _, _, messages = receive(sqs, ordered, 1)
            for message in messages:
                ordered_received[message["Attributes"]["MessageGroupId"]].append(int(message["Body"]))
            if messages:
                remove(sqs, ordered, messages)
        except (BotoCoreError, ClientError):
            time.sleep(0.02)


senders = [threading.Thread(target=send_plain, args=(n,)) for n in range(2)]
senders += [threading.Thread(target=send_ordered, args=(group,)) for group in "ab"]
receivers = [threading.Thread(target=receive_plain) for _ in range(2)] + [threading.Thread(target=receive_ordered)]
for thread in senders + receivers:
    thread.start()
for thread in senders:
    thread.join()

# All that is left becomes visible and is taken.
deadline = time.monotonic() + PATIENCE
names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"]
while not failures:
    left = [until_done(lambda: first.get_queue_attributes(QueueUrl=url, AttributeNames=names))["Attributes"]
            for url in (plain, ordered)]
    if not any(int(count) for counts in left for count in counts.values()):
        break
    assert time.monotonic() < deadline, f"messages are left: {left}"
    time.sleep(0.2)
done.set()
for thread in receivers:
    thread.join()
assert not failures, failures

assert len(sent) > 100, "the test did something"
lost = sent - received.keys()
assert not lost, f"{len(lost)} acknowledged messages are lost"
for body, times in received.items():
    times.sort()
    for (asked, _), (_, answered) in zip(times, times[1:]):
        assert answered - asked >= VISIBLE_AFTER, f"{body}: twice within {answered - asked:.3f} s"
    if body in deleted:
        assert all(asked <= deleted[body] for asked, _ in times), f"{body}: received after it was deleted"
for group, count in ordered_sent.items():
    numbers = ordered_received[group]
    seen = list(dict.fromkeys(numbers))
    # The last may have been taken although its answer was lost.
    assert seen == list(range(len(seen))) and count <= len(seen) <= count + 1, f"{group}: {count} sent, out of order or lost"
again = sum(len(times) - 1 for times in received.values())
print(f"{len(sent)} sent, {len(received)} received, {again} again, {dict(ordered_sent)} in order")
