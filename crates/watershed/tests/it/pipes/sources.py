"""A bus and a bucket as sources: every event accepted since CreatePipe, in order, over stop and start.

Usage: sources.py ENDPOINT DATA
"""

import json

from client import arn, client, pipe, queue, refused, state, take, until

events, pipes, s3 = client("events"), client("pipes"), client("s3")
events.create_event_bus(Name="clinic")
BUS = arn("events", "event-bus/clinic")


def put(n, detail_type="Visit"):
    entry = {"Source": "clinic", "DetailType": detail_type, "Detail": json.dumps({"n": n}), "EventBusName": "clinic"}
    assert events.put_events(Entries=[entry])["FailedEntryCount"] == 0


def numbers(messages):
    return [json.loads(message["Body"])["detail"]["n"] for message in messages]


refused(
    "ValidationException",
    lambda: pipes.create_pipe(
        Name="far", Source=BUS.replace("us-east-1", "eu-west-1"), Target=queue("q"), RoleArn="arn:aws:iam::000000000000:role/r"
    ),
    "is not supported",
)
refused(
    "ValidationException",
    lambda: pipes.create_pipe(Name="circle", Source=BUS, Target=BUS, RoleArn="arn:aws:iam::000000000000:role/r"),
    "would never end",
)
filters = {"FilterCriteria": {"Filters": [{"Pattern": '{"detail-type":["Visit"]}'}]}, "SqsQueueParameters": {"BatchSize": 3}}
put(0)
pipe("visits", BUS, queue("visits"), SourceParameters=filters)
for n in range(1, 21):
    put(n)
    put(n, "Other")
assert numbers(take("visits", 20)) == list(range(1, 21))
shown = pipes.describe_pipe(Name="visits")
assert shown["Source"] == BUS and shown["SourceParameters"] == filters, shown

# A pipe that stands still misses nothing.
pipes.stop_pipe(Name="visits")
state("visits", "STOPPED")
for n in range(21, 31):
    put(n)
pipes.start_pipe(Name="visits")
assert numbers(take("visits", 10)) == list(range(21, 31))

# From CreatePipe's answer on, even when it has never run.
pipes.create_pipe(
    Name="later", Source=BUS, Target=queue("later"), RoleArn="arn:aws:iam::000000000000:role/r", DesiredState="STOPPED"
)
put(31)
pipes.start_pipe(Name="later")
assert numbers(take("later", 1)) == [31]
assert numbers(take("visits", 1)) == [31]
# Rules and pipes are apart: none is listed as the other.
assert events.list_rules(EventBusName="clinic")["Rules"] == []
assert [one["Name"] for one in pipes.list_pipes(SourcePrefix=BUS)["Pipes"]] == ["later", "visits"]

# A pipe made anew begins anew.
pipes.delete_pipe(Name="later")
put(32)
assert numbers(take("visits", 1)) == [32]


def gone(name):
    return name not in [one["Name"] for one in pipes.list_pipes()["Pipes"]]


until("the pipe is gone", lambda: gone("later"))
pipe("later", BUS, arn("sqs", "later"))
put(33)
assert numbers(take("later", 1)) == [33]

# What arrives in a bucket, and only in that one.
for bucket in ("arrivals", "others"):
    s3.create_bucket(Bucket=bucket)
pipe("arrivals", "arn:aws:s3:::arrivals", queue("arrivals"))
s3.put_object(Bucket="others", Key="x", Body=b"1")
for n in range(5):
    s3.put_object(Bucket="arrivals", Key=f"day=1/{n}.json", Body=b"{}")
s3.delete_object(Bucket="arrivals", Key="day=1/0.json")
told = [json.loads(message["Body"]) for message in take("arrivals", 6)]
assert [event["detail-type"] for event in told] == ["Object Created"] * 5 + ["Object Deleted"], told
assert [event["detail"]["object"]["key"] for event in told[:5]] == [f"day=1/{n}.json" for n in range(5)]
assert {event["detail"]["bucket"]["name"] for event in told} == {"arrivals"}

# A bus that goes takes the pipe's source away.
events.delete_event_bus(Name="clinic")
state("visits", "STOPPED")
assert "source is gone" in pipes.describe_pipe(Name="visits")["StateReason"]
