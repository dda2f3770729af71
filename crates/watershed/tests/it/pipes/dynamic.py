"""Parameters of targets that are paths into each event, of stream records and of messages whose body is JSON.

Usage: dynamic.py ENDPOINT DATA
"""

import json

from client import ROLE, STREAM, arn, client, pipe, put, queue, refused, table, take, until

pipes, logs, sqs = client("pipes"), client("logs"), client("sqs")
stream = table("Visits")

# A FIFO queue: the group and the deduplication id are found in the record before the template.
fifo = queue("visits.fifo", FifoQueue="true")
ids = {"MessageGroupId": "$.dynamodb.NewImage.site.S", "MessageDeduplicationId": "$.dynamodb.NewImage.visit.S"}
dead = queue("dead")
source = {"DynamoDBStreamParameters": STREAM["DynamoDBStreamParameters"] | {"DeadLetterConfig": {"Arn": dead}}}
pipe(
    "fifo",
    stream,
    fifo,
    SourceParameters=source,
    TargetParameters={"InputTemplate": '{"id": <$.dynamodb.NewImage.id.S>}', "SqsQueueParameters": ids},
)
put("Visits", id="1", site="OSL", visit="v1")
put("Visits", id="2", site="BGO", visit="v2")
put("Visits", id="3", site="OSL", visit="v1")
put("Visits", id="4", site="OSL")
got = {json.loads(message["Body"])["id"]: message["Attributes"] for message in take("visits.fifo", 2)}
assert got["2"]["MessageGroupId"] == "BGO" and got["2"]["MessageDeduplicationId"] == "v2", got
assert "1" in got or "3" in got, "the second of an equal deduplication id is dropped"
(letter,) = [json.loads(message["Body"]) for message in take("dead", 1)]
assert letter["payload"]["dynamodb"]["NewImage"]["id"]["S"] == "4", letter
pipes.delete_pipe(Name="fifo")
refused(
    "ValidationException",
    lambda: pipes.create_pipe(
        Name="bad",
        Source=stream,
        Target=fifo,
        RoleArn=ROLE,
        SourceParameters=STREAM | {"FilterCriteria": {"Filters": [{"Pattern": "{"}]}},
    ),
    "not valid",
)

# A log group: stream and time of each event.
logs.create_log_group(logGroupName="visits")
parameters = {"LogStreamName": "$.body.site", "Timestamp": "$.body.at"}
messages = queue("messages")
pipe(
    "logged",
    messages,
    arn("logs", "log-group:visits"),
    SourceParameters={"FilterCriteria": {"Filters": [{"Pattern": '{"body": {"kind": ["visit"]}}'}]}},
    TargetParameters={"InputTemplate": '{"who": <$.body.who>}', "CloudWatchLogsParameters": parameters},
)
url = sqs.get_queue_url(QueueName="messages")["QueueUrl"]
now = int(__import__("time").time() * 1000) - 5000
for body in (
    {"kind": "visit", "site": "OSL", "at": now, "who": {"id": 1}},
    {"kind": "other", "site": "OSL", "at": now, "who": 2},
    {"kind": "visit", "who": "me"},
):
    sqs.send_message(QueueUrl=url, MessageBody=json.dumps(body))


def logged():
    return {event["message"]: event for event in logs.filter_log_events(logGroupName="visits")["events"]}


found = until("both visits", lambda: len(logged()) == 2 and logged())
(first, second) = (found['{"who": {"id": 1}}'], found['{"who": "me"}'])
assert (first["logStreamName"], first["timestamp"]) == ("OSL", now), first
assert second["logStreamName"] not in ("OSL", "$.body.site") and second["timestamp"] > now, second
