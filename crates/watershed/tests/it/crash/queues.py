"""Standard and FIFO queues, a dead-letter queue and its move tasks. An acknowledged message is received at least once, not again
while it is hidden, and never after its deletion was acknowledged; groups stay in order; the counters agree in the end.

Usage: queues.py ENDPOINT FOLDER

A message is hidden from the moment its receive is committed, which lies between request and answer. So the answer to a
second receive must come at least the visibility time after the request of the first.
"""

import json
import time
from collections import Counter, defaultdict

from aws import again, arn, attempt, client
from workload import drive, end, going, reached, reading

HIDDEN = 3
HIDDEN_LONGER = 6
# The server counts whole milliseconds.
TICK = 0.001
GROUPS = "abcd"
sqs = client("sqs")


def queue(name, **attributes):
    return sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": str(HIDDEN), **attributes})["QueueUrl"]


plain, ordered, dead, recovered = queue("plain"), queue("ordered.fifo", FifoQueue="true"), queue("dead"), queue("recovered")
policy = {"deadLetterTargetArn": arn("sqs", "dead"), "maxReceiveCount": 2}
failing = queue("failing", VisibilityTimeout="1", RedrivePolicy=json.dumps(policy))
names = {plain: "plain", ordered: "ordered", failing: "failing", recovered: "recovered"}
sent = defaultdict(set)
# Of each queue's message when it was asked for, when it came, and until when it was to be hidden.
received = defaultdict(list)
deleted = {}
ordered_sent, ordered_received = Counter(), defaultdict(list)
ids = defaultdict(set)


def send(url, writer, pause):
    count = 0
    while going():
        # Each try is a message of its own: one without an answer may be there or not.
        entries = [{"Id": str(n), "MessageBody": f"{writer} {count + n}"} for n in range(10)]
        count += 10
        if answer := attempt(lambda: sqs.send_message_batch(QueueUrl=url, Entries=entries)):
            sent[url].update(entries[int(entry["Id"])]["MessageBody"] for entry in answer["Successful"])
        time.sleep(pause)


def send_ordered(group):
    while going():
        first = ordered_sent[group]
        entries = [{"Id": str(n), "MessageBody": str(n), "MessageGroupId": group, "MessageDeduplicationId": f"{group}-{n}"}
                   for n in range(first, first + 5)]
        answer = again(lambda: sqs.send_message_batch(QueueUrl=ordered, Entries=entries))
        assert len(answer["Successful"]) == 5, answer
        for entry in answer["Successful"]:
            ids[group, int(entry["Id"])].add(entry["MessageId"])
        ordered_sent[group] += 5


def receive(url):
    asked = time.monotonic()
    answer = attempt(lambda: sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1, AttributeNames=["All"])) or {}
    return asked, time.monotonic(), answer.get("Messages", [])


def remove(url, messages):
    """Deletes messages and answers those that are deleted."""
    if not messages:
        return []
    entries = [{"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]} for n, message in enumerate(messages)]
    answer = attempt(lambda: sqs.delete_message_batch(QueueUrl=url, Entries=entries)) or {}
    return [messages[int(entry["Id"])] for entry in answer.get("Successful", [])]


def take(url):
    """Receives and deletes; every seventh message is first hidden for longer and comes again."""
    while reading():
        asked, answered, messages = receive(url)
        leave = []
        for message in messages:
            times = received[url, message["Body"]]
            times.append((asked, answered, asked + HIDDEN))
            number = int(message["Body"].split()[1])
            if number % 7 == 0 and message["Attributes"]["ApproximateReceiveCount"] == "1":
                leave.append(message)
                change = time.monotonic()
                if attempt(lambda: sqs.change_message_visibility(
                        QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=HIDDEN_LONGER)):
                    times[times.index((asked, answered, asked + HIDDEN))] = (asked, answered, change + HIDDEN_LONGER)
        for message in remove(url, [message for message in messages if message not in leave]):
            deleted[url, message["Body"]] = time.monotonic()


def take_ordered():
    while reading():
        _, _, messages = receive(ordered)
        for message in messages:
            group, number = message["Attributes"]["MessageGroupId"], int(message["Body"])
            ordered_received[group].append(number)
            ids[group, number].add(message["MessageId"])
        remove(ordered, messages)


def fail():
    """Receives and deletes nothing."""
    while reading():
        asked, answered, messages = receive(failing)
        for message in messages:
            received[failing, message["Body"]].append((asked, answered, asked + 1))


def move():
    """Moves what is in the dead-letter queue, whenever no task does."""
    source = arn("sqs", "dead")
    while reading():
        tasks = attempt(lambda: sqs.list_message_move_tasks(SourceArn=source))
        if tasks and not any(task["Status"] in ("RUNNING", "CANCELLING") for task in tasks.get("Results", [])):
            attempt(lambda: sqs.start_message_move_task(SourceArn=source, DestinationArn=arn("sqs", "recovered")))
        time.sleep(0.3)


drive(
    [(send, plain, 0, 0), (send, plain, 1, 0), (send, failing, 2, 0.2), *((send_ordered, group) for group in GROUPS)],
    (take, plain), (take, plain), (take, recovered), (take_ordered,), (take_ordered,), (fail,), (move,))
counters = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"]


def left():
    """What the counters say is still there, by queue."""
    queues = {name: again(lambda: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=counters))["Attributes"]
              for url, name in {**names, dead: "dead"}.items()}
    return {name: counts for name, counts in queues.items() if any(int(count) for count in counts.values())}


reached("empty queues", lambda: not left())
end()
assert sent[plain] and sent[failing] and all(ordered_sent[group] for group in GROUPS), "nothing was sent"
bodies = {url: {body for place, body in received if place == url} for url in names}
for url, wanted in ((plain, plain), (failing, failing), (recovered, failing)):
    lost = sent[wanted] - bodies[url]
    assert not lost, f"{names[url]}: {len(lost)} of {len(sent[wanted])} acknowledged messages are lost: {sorted(lost)[:5]}"
for (url, body), times in received.items():
    times.sort()
    for (_, _, hidden), (_, answered, _) in zip(times, times[1:]):
        assert answered + TICK >= hidden, f"{names[url]}: {body} came {hidden - answered:.3f} s before it was visible"
    gone = deleted.get((url, body))
    assert gone is None or all(asked <= gone for asked, _, _ in times), f"{names[url]}: {body} came after it was deleted"
    assert url != failing or len(times) <= 2, f"{body} was received {len(times)} times and is no dead letter"
for group in GROUPS:
    count, seen = ordered_sent[group], list(dict.fromkeys(ordered_received[group]))
    # The last batch may have been taken although its answer was lost.
    assert seen == list(range(len(seen))) and count <= len(seen) <= count + 5, f"{group}: {count} sent, out of order or lost"
assert all(len(those) == 1 for those in ids.values()), "a deduplication id stands for more than one message"
again_received = sum(len(times) - 1 for times in received.values())
print(f"{len(sent[plain])} messages, {sum(ordered_sent.values())} in {len(GROUPS)} groups, {len(sent[failing])} dead and moved, "
      f"{again_received} received again")
