"""What boto3 must see of streams: shards and their lineage, iterators, pages, retention, views. Time is moved by the test.

Usage: check.py ENDPOINT PLAIN_ENDPOINT PLAIN_KEY PLAIN_SECRET     the second server has no test clock
"""

import json
import sys
import urllib.error
import urllib.request
from datetime import datetime, timezone

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

endpoint, plain, plain_key, plain_secret = sys.argv[1:]
dynamodb = boto3.client("dynamodb", endpoint_url=endpoint)
streams = boto3.client("dynamodbstreams", endpoint_url=endpoint)
MINUTE = 60_000
HOUR = 60 * MINUTE


def control(path, body, url=endpoint, key=None):
    """Calls one of the server's own paths; answers status and JSON."""
    request = AWSRequest("POST", f"{url}/_watershed/test/{path}", data=json.dumps(body))
    SigV4Auth(key or boto3.Session().get_credentials(), "watershed", "us-east-1").add_auth(request)
    headers = {**request.headers, "Content-Type": "application/json"}
    request = urllib.request.Request(request.url, request.body, headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def advance(by_ms):
    status, answer = control("clock", {"advanceMs": by_ms})
    assert status == 200, answer
    return answer["nowMs"]


def rotate(arn, split=False):
    status, answer = control("rotate", {"streamArn": arn, "split": split})
    assert status == 200, answer


def refused(code, call, **arguments):
    try:
        answer = call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, (code, error.response["Error"])
        return
    raise AssertionError(f"{code} expected, got {answer}")


def table(name, view="NEW_AND_OLD_IMAGES"):
    created = dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": view},
    )
    return created["TableDescription"]["LatestStreamArn"]


def put(name, key, value):
    dynamodb.put_item(TableName=name, Item={"id": {"S": key}, "v": {"N": str(value)}})


def shards_of(arn, **arguments):
    """All shards, page by page, until LastEvaluatedShardId is absent."""
    found = []
    while True:
        description = streams.describe_stream(StreamArn=arn, **arguments)["StreamDescription"]
        found += description["Shards"]
        if "LastEvaluatedShardId" not in description:
            return found
        arguments["ExclusiveStartShardId"] = description["LastEvaluatedShardId"]


def iterator(arn, shard, kind="TRIM_HORIZON", **arguments):
    return streams.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType=kind, **arguments)["ShardIterator"]


def read(position, limit=1000):
    """Everything behind an iterator. True when the shard ends there."""
    records = []
    while True:
        page = streams.get_records(ShardIterator=position, Limit=limit)
        records += page["Records"]
        if "NextShardIterator" not in page:
            return records, True
        if not page["Records"]:
            return records, False
        position = page["NextShardIterator"]


def follow(arn):
    """Key -> values, read along the lineage: a shard only behind its parent's end."""
    seen, ended, values = set(), set(), {}
    while True:
        known = {shard["ShardId"]: shard.get("ParentShardId") for shard in shards_of(arn)}
        ready = [s for s, parent in known.items() if s not in seen and (parent not in known or parent in ended)]
        if not ready:
            return values
        seen.add(ready[0])
        records, end = read(iterator(arn, ready[0]))
        if end:
            ended.add(ready[0])
        for record in records:
            change = record["dynamodb"]
            values.setdefault(change["Keys"]["id"]["S"], []).append(int(change["NewImage"]["v"]["N"]))


def holder(arn, key):
    """The shard that holds a key's records, and these."""
    for shard in shards_of(arn):
        records = [r for r in read(iterator(arn, shard["ShardId"]))[0] if r["dynamodb"]["Keys"]["id"]["S"] == key]
        if records:
            return shard["ShardId"], records
    raise AssertionError(f"no records of {key}")


# The controls exist only with a test clock, and take only what they know.
other = Credentials(plain_key, plain_secret)
for path, body in [("clock", {"advanceMs": 1}), ("rotate", {"streamArn": "x"})]:
    status, answer = control(path, body, plain, other)
    assert (status, answer["__type"]) == (404, "UnknownOperationException"), answer
for path, body in [("clock", {}), ("clock", {"advanceMs": -1}), ("clock", {"advanceMs": "1"}), ("rotate", {"streamArn": 1})]:
    status, answer = control(path, body)
    assert (status, answer["__type"]) == (400, "ValidationException"), (path, body, answer)
assert control("rotate", {"streamArn": "arn:none"})[1]["__type"] == "ResourceNotFoundException"
assert control("other", {})[0] == 404

# Rotation and split: closed shards end, children name their parent, a reader along the lineage sees all once in order.
arn = table("Lineage")
keys = [f"key {n}" for n in range(20)]
for value in range(4):
    for key in keys:
        put("Lineage", key, value)
    if value < 2:
        rotate(arn, split=value == 1)
shards = shards_of(arn)
assert len(shards) == 4 + 4 + 8, len(shards)
by_id = {shard["ShardId"]: shard for shard in shards}
for shard in shards:
    children = [other for other in shards if other.get("ParentShardId") == shard["ShardId"]]
    span = shard["SequenceNumberRange"]
    if children:
        assert int(span["EndingSequenceNumber"]) >= int(span["StartingSequenceNumber"]), span
        assert all(int(c["SequenceNumberRange"]["StartingSequenceNumber"]) > int(span["EndingSequenceNumber"]) for c in children)
    else:
        assert "EndingSequenceNumber" not in span, span
assert sorted(len([c for c in shards if c.get("ParentShardId") == s]) for s in by_id) == [0] * 8 + [1] * 4 + [2] * 4
assert follow(arn) == {key: [0, 1, 2, 3] for key in keys}

# DescribeStream in pages, and the children of one shard.
assert [s["ShardId"] for s in shards_of(arn, Limit=3)] == list(by_id)
first = shards[0]["ShardId"]
children = shards_of(arn, ShardFilter={"Type": "CHILD_SHARDS", "ShardId": first})
assert [c["ParentShardId"] for c in children] == [first]
grandchildren = shards_of(arn, ShardFilter={"Type": "CHILD_SHARDS", "ShardId": children[0]["ShardId"]}, Limit=1)
assert len(grandchildren) == 2 and {g["ParentShardId"] for g in grandchildren} == {children[0]["ShardId"]}
refused("ResourceNotFoundException", streams.describe_stream, StreamArn=arn + "x")

# A shard of age is closed by the next write to it.
arn = table("Age")
put("Age", "a", 1)
advance(4 * HOUR)
put("Age", "a", 2)
assert len(shards_of(arn)) == 5 and follow(arn) == {"a": [1, 2]}

# AT_TIMESTAMP in milliseconds; older than the horizon is the horizon; the future is refused.
arn = table("Time")
times = []
for value in range(3):
    put("Time", "a", value)
    times.append(advance(7) - 7)
shard, records = holder(arn, "a")
for at_ms, expected in [(0, [0, 1, 2]), (times[1], [1, 2]), (times[1] + 1, [2]), (times[2] + 1, [])]:
    at = datetime.fromtimestamp(at_ms // 1000, timezone.utc).replace(microsecond=at_ms % 1000 * 1000)
    found, _ = read(iterator(arn, shard, "AT_TIMESTAMP", Timestamp=at))
    assert [int(r["dynamodb"]["NewImage"]["v"]["N"]) for r in found] == expected, (at_ms, expected)
ahead = {"StreamArn": arn, "ShardId": shard, "ShardIteratorType": "AT_TIMESTAMP"}
refused("ValidationException", streams.get_shard_iterator, **ahead, Timestamp=(times[2] + 8) / 1000)
refused("ValidationException", streams.get_shard_iterator, **ahead)

# The other iterators, at and behind a number.
numbers = [record["dynamodb"]["SequenceNumber"] for record in records]
for kind, arguments, expected in [
    ("AT_SEQUENCE_NUMBER", {"SequenceNumber": numbers[1]}, numbers[1:]),
    ("AFTER_SEQUENCE_NUMBER", {"SequenceNumber": numbers[1]}, numbers[2:]),
    ("LATEST", {}, []),
]:
    found, _ = read(iterator(arn, shard, kind, **arguments), limit=1)
    assert [r["dynamodb"]["SequenceNumber"] for r in found] == expected, kind

# An iterator lives for 15 minutes.
position = iterator(arn, shard)
advance(15 * MINUTE)
assert len(streams.get_records(ShardIterator=position)["Records"]) == 3
advance(1)
refused("ExpiredIteratorException", streams.get_records, ShardIterator=position)
refused("ValidationException", streams.get_records, ShardIterator=position[:-8] + "AAAAAAA=")

# Records live for 24 hours. A place before the horizon is refused, never skipped.
advance(23 * HOUR)
put("Time", "a", 3)
advance(HOUR)
for kind, number in [("AFTER_SEQUENCE_NUMBER", numbers[0]), ("AT_SEQUENCE_NUMBER", numbers[2])]:
    arguments = {"StreamArn": arn, "ShardId": shard, "ShardIteratorType": kind, "SequenceNumber": number}
    refused("TrimmedDataAccessException", streams.get_shard_iterator, **arguments)
assert follow(arn) == {"a": [3]}
put("Time", "b", 4)
shard, records = holder(arn, "b")
put("Time", "b", 5)
advance(24 * HOUR - 10 * MINUTE)
behind = iterator(arn, shard)
advance(10 * MINUTE + 1)
refused("TrimmedDataAccessException", streams.get_records, ShardIterator=behind)

# At most 1,000 records or 1 MB a page.
arn = table("Pages", "NEW_IMAGE")
dynamodb.put_item(TableName="Pages", Item={"id": {"S": "a"}, "v": {"N": "0"}})
for value in range(1, 1005):
    put("Pages", "a", value)
shard, records = holder(arn, "a")
assert len(records) == 1005
page = streams.get_records(ShardIterator=iterator(arn, shard))
assert len(page["Records"]) == 1000, len(page["Records"])
assert len(streams.get_records(ShardIterator=page["NextShardIterator"])["Records"]) == 5
assert len(streams.get_records(ShardIterator=iterator(arn, shard), Limit=7)["Records"]) == 7
for limit in [0, 1001]:
    refused("ValidationException", boto3.client("dynamodbstreams", endpoint_url=endpoint, config=boto3.session.Config(
        parameter_validation=False)).get_records, ShardIterator=page["NextShardIterator"], Limit=limit)
for value in range(4):
    dynamodb.put_item(TableName="Pages", Item={"id": {"S": "a"}, "big": {"S": str(value) * 390_000}})
last = records[-1]["dynamodb"]["SequenceNumber"]
page = streams.get_records(ShardIterator=iterator(arn, shard, "AFTER_SEQUENCE_NUMBER", SequenceNumber=last))
assert len(page["Records"]) == 2, len(page["Records"])
assert len(streams.get_records(ShardIterator=page["NextShardIterator"])["Records"]) == 2

# The four views; a write that changes nothing makes no record.
for view, has_new, has_old in [
    ("KEYS_ONLY", False, False),
    ("NEW_IMAGE", True, False),
    ("OLD_IMAGE", False, True),
    ("NEW_AND_OLD_IMAGES", True, True),
]:
    name = view.replace("_", "-")
    arn = table(name, view)
    assert streams.describe_stream(StreamArn=arn)["StreamDescription"]["StreamViewType"] == view
    for value in [1, 1, 2]:
        put(name, "a", value)
    dynamodb.update_item(TableName=name, Key={"id": {"S": "a"}}, UpdateExpression="SET v = :v",
                         ExpressionAttributeValues={":v": {"N": "2.0"}})
    for _ in range(2):
        dynamodb.delete_item(TableName=name, Key={"id": {"S": "a"}})
    _, records = holder(arn, "a")
    assert [record["eventName"] for record in records] == ["INSERT", "MODIFY", "REMOVE"], view
    insert, modify, remove = (record["dynamodb"] for record in records)
    for change, new, old in [(insert, "1", None), (modify, "2", "1"), (remove, None, "2")]:
        image = lambda value: {"id": {"S": "a"}, "v": {"N": value}}
        assert change.get("NewImage") == (image(new) if new and has_new else None), (view, change)
        assert change.get("OldImage") == (image(old) if old and has_old else None), (view, change)
        assert change["Keys"] == {"id": {"S": "a"}} and change["StreamViewType"] == view

# A stream outlives its table; an enabled-again stream is another one. ListStreams in pages.
first = table("Short")
put("Short", "a", 1)
dynamodb.update_table(TableName="Short", StreamSpecification={"StreamEnabled": False})
put("Short", "a", 2)
again = dynamodb.update_table(TableName="Short", StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"})
second = again["TableDescription"]["LatestStreamArn"]
put("Short", "a", 3)
assert first != second and (follow(first), follow(second)) == ({"a": [1]}, {"a": [3]})
assert control("rotate", {"streamArn": first})[1]["__type"] == "ValidationException", "a disabled stream has no open shard"
dynamodb.delete_table(TableName="Short")
for arn, value in [(first, 1), (second, 3)]:
    description = streams.describe_stream(StreamArn=arn)["StreamDescription"]
    assert description["StreamStatus"] == "DISABLED"
    assert all("EndingSequenceNumber" in shard["SequenceNumberRange"] for shard in description["Shards"])
    assert follow(arn) == {"a": [value]}
listed, arguments = [], {"Limit": 1, "TableName": "Short"}
while True:
    page = streams.list_streams(**arguments)
    listed += [stream["StreamArn"] for stream in page["Streams"]]
    if "LastEvaluatedStreamArn" not in page:
        break
    arguments["ExclusiveStartStreamArn"] = page["LastEvaluatedStreamArn"]
assert listed == sorted([first, second])
everything = {stream["StreamArn"] for stream in streams.list_streams()["Streams"]}
assert set(listed) < everything and len(everything) == 10, everything
advance(24 * HOUR + 1)
refused("ResourceNotFoundException", streams.describe_stream, StreamArn=first)
