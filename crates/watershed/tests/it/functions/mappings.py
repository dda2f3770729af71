"""Event source mappings of a queue and of a table's stream, changed while they run.

Usage: mappings.py ENDPOINT SCRATCH
"""

import json
import sys
import time

from aws import arn, client, refused, until
from mapped_function import create, noted, place

file = place(sys.argv[2])
functions, sqs, tables = client("lambda"), client("sqs"), client("dynamodb")
create("one", file)
create("two", file)
create("raising", file, RAISE="1")


def texts(name):
    return [text for function, _, text in noted(file) if function == name]


def is_empty(url):
    counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return all(counts[f"ApproximateNumberOfMessages{kind}"] == "0" for kind in ("", "NotVisible"))


# A queue: filtered messages are gone, the others handed over once.
letters = sqs.create_queue(QueueName="letters")["QueueUrl"]
redrive = json.dumps({"deadLetterTargetArn": arn("sqs", "letters"), "maxReceiveCount": 2})
queue = sqs.create_queue(QueueName="q", Attributes={"VisibilityTimeout": "1", "RedrivePolicy": redrive})["QueueUrl"]
mapping = functions.create_event_source_mapping(
    EventSourceArn=arn("sqs", "q"), FunctionName="one", BatchSize=2,
    FilterCriteria={"Filters": [{"Pattern": '{"body":{"keep":[true]}}'}]})["UUID"]


def send(*ids):
    for id in ids:
        sqs.send_message(QueueUrl=queue, MessageBody=json.dumps({"keep": not id.startswith("drop"), "id": id}))


send("a", "drop", "b", "c")
until("three messages", lambda: len(texts("one")) >= 3)
until("an empty queue", lambda: is_empty(queue))
assert sorted(json.loads(text)["id"] for text in texts("one")) == ["a", "b", "c"], noted(file)
assert all(count <= 2 for _, count, _ in noted(file)), noted(file)

# Another function and its partial answers from now on; a message that is named twice is a dead letter, others are not repeated.
functions.update_event_source_mapping(UUID=mapping, FunctionName="two", FunctionResponseTypes=["ReportBatchItemFailures"])
send("d", "bad", "e")
dead = until("a dead letter", lambda: sqs.receive_message(QueueUrl=letters, WaitTimeSeconds=1).get("Messages"))
assert [json.loads(message["Body"])["id"] for message in dead] == ["bad"], dead
until("the others", lambda: is_empty(queue))
assert sorted(json.loads(text)["id"] for text in texts("two")) == ["bad", "bad", "d", "e"], noted(file)
assert len(texts("one")) == 3, "the former function was called"

# Without that answer counting, what it names is done.
functions.update_event_source_mapping(UUID=mapping, FunctionResponseTypes=[])
send("bad")
until("the last", lambda: is_empty(queue) and len(texts("two")) == 5)

# Disabled it takes nothing; enabled it goes on; deleted it is gone.
functions.update_event_source_mapping(UUID=mapping, Enabled=False)
until("disabled", lambda: functions.get_event_source_mapping(UUID=mapping)["State"] == "Disabled")
time.sleep(1.5)
send("f")
time.sleep(1.5)
assert len(texts("two")) == 5, noted(file)
functions.update_event_source_mapping(UUID=mapping, Enabled=True)
until("what came meanwhile", lambda: len(texts("two")) == 6)
functions.delete_event_source_mapping(UUID=mapping)
refused("ResourceNotFoundException", lambda: functions.get_event_source_mapping(UUID=mapping))

# A stream: of a batch that fails the bad record alone is given up, with a letter; the rest arrives in order.
stream = tables.create_table(
    TableName="Items", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}], BillingMode="PAY_PER_REQUEST",
    AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"})["TableDescription"]["LatestStreamArn"]
for id in ("r1", "r2", "bad", "r3", "skipped", "r4"):
    tables.put_item(TableName="Items", Item={"id": {"S": id}})
failures = sqs.create_queue(QueueName="failures")["QueueUrl"]
stream_of = {"EventSourceArn": stream, "FunctionName": "raising", "StartingPosition": "TRIM_HORIZON"}
refused("InvalidParameterValueException",
        lambda: functions.create_event_source_mapping(**stream_of, TumblingWindowInSeconds=5), "TumblingWindowInSeconds")
mapping = functions.create_event_source_mapping(
    **stream_of, BatchSize=10, MaximumRetryAttempts=1, BisectBatchOnFunctionError=True,
    FilterCriteria={"Filters": [{"Pattern": '{"dynamodb":{"NewImage":{"id":{"S":[{"anything-but":"skipped"}]}}}}'}]},
    DestinationConfig={"OnFailure": {"Destination": arn("sqs", "failures")}})
assert mapping["LastProcessingResult"] == "No records processed", mapping
letter, = until("a letter", lambda: sqs.receive_message(QueueUrl=failures, WaitTimeSeconds=1).get("Messages"))
context = json.loads(letter["Body"])["requestContext"]
assert context["functionArn"] == arn("lambda", "function:raising"), letter
until("all others", lambda: {"r1", "r2", "r3", "r4"} <= set(texts("raising")))
assert "skipped" not in texts("raising"), noted(file)
tables.put_item(TableName="Items", Item={"id": {"S": "last"}})
until("the last", lambda: "last" in texts("raising"))
until("its result", lambda: functions.get_event_source_mapping(UUID=mapping["UUID"])["LastProcessingResult"] == "OK")
