"""Puts events, each until it is acknowledged, while the server is killed; then finds each one, once and in order, where a pipe
brought it, and prints how many there are. Another pipe brings the same events into the lake.

Usage: crash.py ENDPOINT FILE
"""

import json
import sys

from aws import again
from client import ROLE, STREAM, arn, client, until

EVENTS = 200
events, logs, pipes = client("events"), client("logs"), client("pipes")
BUS = arn("events", "event-bus/default")

logs.create_log_group(logGroupName="g")
group = arn("logs", "log-group:g")
client("s3").create_bucket(Bucket="crash-lake")
client("firehose").create_delivery_stream(
    DeliveryStreamName="crash",
    ExtendedS3DestinationConfiguration={
        "BucketARN": "arn:aws:s3:::crash-lake",
        "RoleARN": ROLE,
        "Prefix": "crash/",
        "ProcessingConfiguration": {"Enabled": True, "Processors": [{"Type": "AppendDelimiterToRecord"}]},
    },
)
pipes.create_pipe(Name="crash", Source=BUS, Target=group, RoleArn=ROLE, SourceParameters=STREAM)
lake = arn("firehose", "deliverystream/crash")
only = STREAM | {"FilterCriteria": {"Filters": [{"Pattern": '{"source":["crash"]}'}]}}
pipes.create_pipe(Name="crash-lake", Source=BUS, Target=lake, RoleArn=ROLE, SourceParameters=only)
acknowledged = []
with open(sys.argv[2], "w") as file:
    for n in range(EVENTS):
        entry = {"Source": "crash", "DetailType": "d", "Detail": json.dumps({"n": n})}
        answer = again(lambda: events.put_events(Entries=[entry]))
        assert answer["FailedEntryCount"] == 0
        acknowledged.append(answer["Entries"][0]["EventId"])
        print(n, file=file, flush=True)


def logged():
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName="g")
    return [json.loads(event["message"])["id"] for page in pages for event in page["events"]]


until("all events in the log group", lambda: set(acknowledged) <= set(logged()))
arrived = logged()
assert len(arrived) == len(set(arrived)), "an event came twice"
# An event whose answer was lost is there beside its repeat.
assert [id for id in arrived if id in set(acknowledged)] == acknowledged, "out of order"
print(len(arrived))
