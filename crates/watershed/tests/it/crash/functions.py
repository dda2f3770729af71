"""Asynchronous invocations and event source mappings: a function has seen whatever was accepted, what it could not do is in its
destination, and what comes from a stream is seen in order per key.

Usage: functions.py ENDPOINT FOLDER
"""

import json
import time

from aws import arn, attempt, client
from workload import Mailbox, Versions, drive, end, function, going, grouped, reached, table

functions, sqs = client("lambda"), client("sqs")
stream = table("Changes")
seen = {name: function(name) for name in ("invoked", "messages", "changes")}
function("failing", FAIL="1")
failed = Mailbox("failed")
functions.put_function_event_invoke_config(
    FunctionName="failing", MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": failed.arn}})
queue = sqs.create_queue(QueueName="messages", Attributes={"VisibilityTimeout": "30"})["QueueUrl"]
functions.create_event_source_mapping(EventSourceArn=arn("sqs", "messages"), FunctionName="messages")
functions.create_event_source_mapping(
    EventSourceArn=stream, FunctionName="changes", StartingPosition="TRIM_HORIZON", ParallelizationFactor=2)
accepted = {"invoked": set(), "failing": set(), "messages": set()}
changes = Versions("Changes", writers=1, keys=10)
# Functions are processes: no more is handed to them than they can do while the machine has other work.
PAUSE = 0.03


def invoke(name):
    number = 0
    while going():
        # Each try is an event of its own: one without an answer may have been accepted or not.
        number += 1
        payload = json.dumps({"n": number})
        if attempt(lambda: functions.invoke(FunctionName=name, InvocationType="Event", Payload=payload)):
            accepted[name].add(str(number))
        time.sleep(PAUSE)


def send():
    number = 0
    while going():
        number += 1
        if attempt(lambda: sqs.send_message(QueueUrl=queue, MessageBody=str(number))):
            accepted["messages"].add(str(number))
        time.sleep(PAUSE)


def noted(name):
    return seen[name].read_text().splitlines()


def noted_changes():
    return grouped(line.split() for line in noted("changes"))


drive([(invoke, "invoked"), (invoke, "failing"), (send,), *changes.writers], (failed.read,))
for name in ("invoked", "messages"):
    reached(f"all {name}", lambda: accepted[name] <= set(noted(name)))
reached("all failed", lambda: accepted["failing"] <= {str(body["requestPayload"]["n"]) for body in failed.bodies})
reached("all changes", lambda: changes.has_come(noted_changes()))
end()
assert all(accepted.values()), "nothing was accepted"
changes.compare("function", noted_changes(), once=False)
print(f"{ {name: len(those) for name, those in accepted.items()} } and {changes.count()} changes")
