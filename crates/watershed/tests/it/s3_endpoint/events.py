"""Changes of objects reach a rule of the default bus.

Usage: events.py ENDPOINT DATA
"""

import hashlib
import json
import pathlib
import sys

from client import client

s3, events, sqs = client(), client("events"), client("sqs")
queue = sqs.create_queue(QueueName="changes")["QueueUrl"]
pattern = {"source": ["aws.s3"], "detail": {"bucket": {"name": ["clinic"]}}}
events.put_rule(Name="changes", EventPattern=json.dumps(pattern))
target = {"Id": "q", "Arn": "arn:aws:sqs:us-east-1:000000000000:changes"}
assert events.put_targets(Rule="changes", Targets=[target])["FailedEntryCount"] == 0
s3.create_bucket(Bucket="clinic")


def receive():
    messages = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=20)["Messages"]
    for message in messages:
        sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    assert len(messages) == 1, messages
    return json.loads(messages[0]["Body"])


body = b'{"n": 1}\n'
s3.put_object(Bucket="clinic", Key="visits/day=1/a.json", Body=body)
event = receive()
assert (event["detail-type"], event["resources"]) == ("Object Created", ["arn:aws:s3:::clinic"]), event
detail = event["detail"]
assert detail["object"]["key"] == "visits/day=1/a.json" and detail["object"]["size"] == len(body), detail
assert detail["object"]["etag"] == hashlib.md5(body).hexdigest() and detail["reason"] == "PutObject", detail
s3.copy_object(Bucket="clinic", Key="visits/day=2/a.json", CopySource="clinic/visits/day=1/a.json")
assert receive()["detail"]["reason"] == "CopyObject"
s3.copy_object(Bucket="clinic", Key="gone", CopySource="clinic/visits/day=1/a.json")
receive()
s3.delete_object(Bucket="clinic", Key="gone")
event = receive()
assert event["detail-type"] == "Object Deleted" and event["detail"]["object"]["key"] == "gone", event

# A removal that a crash interrupted is told of by its repeat, and by that alone.
s3.put_object(Bucket="clinic", Key="half", Body=body)
receive()
pathlib.Path(sys.argv[2], "lake", "clinic", "half").unlink()
for _ in range(2):
    s3.delete_object(Bucket="clinic", Key="half")
event = receive()
assert event["detail-type"] == "Object Deleted" and event["detail"]["object"]["key"] == "half", event
