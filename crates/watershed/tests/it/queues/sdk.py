"""Queues by boto3: what the API reference says of each operation, and the errors clients catch.

Usage: sdk.py ENDPOINT DATA
"""

import json
import sys
import threading
import time

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

endpoint = sys.argv[1]
# Every answer's digests are compared by the SDK as well.
sqs = boto3.client("sqs", endpoint_url=endpoint, config=Config(max_pool_connections=50))


def refused(code, call, shape=None, text=""):
    try:
        answer = call()
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, (code, error.response["Error"])
        assert text in error.response["Error"]["Message"], (text, error.response["Error"])
        if shape:
            assert isinstance(error, getattr(sqs.exceptions, shape)), (shape, type(error))
        return
    raise AssertionError(f"{code} expected, got {answer}")


def attributes(url, *names):
    return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(names) or ["All"]).get("Attributes", {})


def receive(url, most=10, **more):
    return sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=most, **more).get("Messages", [])


def bodies(messages):
    return [message["Body"] for message in messages]


# Queues
url = sqs.create_queue(QueueName="q", Attributes={"VisibilityTimeout": "60"}, tags={"team": "lake"})["QueueUrl"]
assert url == f"{endpoint}/000000000000/q"
assert sqs.create_queue(QueueName="q", Attributes={"VisibilityTimeout": "60"})["QueueUrl"] == url
refused("QueueAlreadyExists", lambda: sqs.create_queue(QueueName="q", Attributes={"VisibilityTimeout": "61"}), "QueueNameExists")
refused("InvalidAttributeName", lambda: sqs.create_queue(QueueName="x", Attributes={"Nothing": "61"}), "InvalidAttributeName")
refused("InvalidAttributeValue", lambda: sqs.create_queue(QueueName="x", Attributes={"VisibilityTimeout": "x"}), "InvalidAttributeValue")
refused("InvalidParameterValue", lambda: sqs.create_queue(QueueName="a/b"))
missing = "AWS.SimpleQueueService.NonExistentQueue"
refused(missing, lambda: sqs.get_queue_url(QueueName="none"), "QueueDoesNotExist")
refused(missing, lambda: sqs.send_message(QueueUrl=f"{endpoint}/000000000000/none", MessageBody="x"), "QueueDoesNotExist")
refused("InvalidAddress", lambda: sqs.send_message(QueueUrl="none", MessageBody="x"))
assert sqs.get_queue_url(QueueName="q")["QueueUrl"] == url
everything = attributes(url)
assert everything["QueueArn"] == "arn:aws:sqs:us-east-1:000000000000:q"
assert everything["MaximumMessageSize"] == "1048576" and everything["MessageRetentionPeriod"] == "345600"
assert abs(int(everything["CreatedTimestamp"]) - time.time()) < 60
assert attributes(url, "VisibilityTimeout") == {"VisibilityTimeout": "60"}
refused("InvalidAttributeName", lambda: attributes(url, "Nothing"))
sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "45"})
assert attributes(url, "VisibilityTimeout") == {"VisibilityTimeout": "45"}
for n in range(5):
    sqs.create_queue(QueueName=f"page-{n}")
pages = sqs.get_paginator("list_queues").paginate(QueueNamePrefix="page-", PaginationConfig={"PageSize": 2})
pages = [page["QueueUrls"] for page in pages]
assert [len(page) for page in pages] == [2, 2, 1], pages
sqs.tag_queue(QueueUrl=url, Tags={"a": "b"})
sqs.untag_queue(QueueUrl=url, TagKeys=["team"])
assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"a": "b"}
refused("MissingParameter", lambda: sqs.tag_queue(QueueUrl=url, Tags={}), text="must contain the parameter Tags.")
sqs.add_permission(QueueUrl=url, Label="l", AWSAccountIds=["111122223333"], Actions=["SendMessage"])
statement, = json.loads(attributes(url, "Policy")["Policy"])["Statement"]
assert statement["Action"] == "SQS:SendMessage" and statement["Principal"] == {"AWS": "arn:aws:iam::111122223333:root"}
for action, reason in [
    ("DeleteQueue", "Only the queue owner is allowed to invoke this action."),
    ("Sing", "Please refer to the appropriate WSDL for a list of valid actions."),
]:
    refused("InvalidParameterValue", lambda: sqs.add_permission(
        QueueUrl=url, Label="m", AWSAccountIds=["111122223333"], Actions=["SendMessage", action]),
        text=f"Value SQS:{action} for parameter ActionName is invalid. Reason: {reason}")
refused("InvalidParameterValue", lambda: sqs.remove_permission(QueueUrl=url, Label="m"),
        text="Value m for parameter Label is invalid. Reason: can't find label.")
sqs.remove_permission(QueueUrl=url, Label="l")
assert attributes(url, "Policy") == {}

# Messages
given = {"text": {"DataType": "String.note", "StringValue": "ä"}, "number": {"DataType": "Number", "StringValue": "1.5"},
         "bytes": {"DataType": "Binary", "BinaryValue": b"\x00\xff"}}
trace = {"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1-5e3d83c1-e6a0db584850d61342823d4c"}}
sent = sqs.send_message(QueueUrl=url, MessageBody="hällo", MessageAttributes=given, MessageSystemAttributes=trace)
assert sent["MD5OfMessageSystemAttributes"]
message, = receive(url, MessageAttributeNames=["All"], MessageSystemAttributeNames=["All"])
assert message["Body"] == "hällo" and message["MessageAttributes"] == given
assert message["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
assert message["Attributes"]["AWSTraceHeader"] == trace["AWSTraceHeader"]["StringValue"]
assert message["Attributes"]["ApproximateReceiveCount"] == "1" and message["Attributes"]["SenderId"]
assert receive(url) == []
assert attributes(url, "ApproximateNumberOfMessagesNotVisible") == {"ApproximateNumberOfMessagesNotVisible": "1"}
sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
refused("AWS.SimpleQueueService.MessageNotInflight", lambda: sqs.change_message_visibility(
    QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=5), "MessageNotInflight")
message, = receive(url, MessageAttributeNames=["te.*"], AttributeNames=["ApproximateReceiveCount"])
assert message["Attributes"] == {"ApproximateReceiveCount": "2"} and list(message["MessageAttributes"]) == ["text"]
sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
refused("ReceiptHandleIsInvalid", lambda: sqs.delete_message(QueueUrl=url, ReceiptHandle="x"), "ReceiptHandleIsInvalid")
refused("InvalidMessageContents", lambda: sqs.send_message(QueueUrl=url, MessageBody="\x01"), "InvalidMessageContents")
refused("InvalidParameterValue", lambda: sqs.send_message(QueueUrl=url, MessageBody="x" * (1 << 20) + "x"))
refused("InvalidParameterValue", lambda: sqs.send_message(QueueUrl=url, MessageBody="x", DelaySeconds=901))
refused("InvalidParameterValue", lambda: sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=11))
refused("InvalidParameterValue", lambda: sqs.receive_message(QueueUrl=url, WaitTimeSeconds=21))
refused("MissingParameter", lambda: sqs.send_message(QueueUrl=url, MessageBody=""))
for attribute, text in [
    ({"DataType": "String", "StringValue": ""}, "Message (user) attribute 'a' must contain a non-empty value of type 'String'."),
    ({"DataType": "Text", "StringValue": "x"}, "The type of message (user) attribute 'a' is invalid."),
    ({"DataType": "Number", "StringValue": "x"}, "Can't cast the value of message (user) attribute 'a' to a number."),
]:
    refused("InvalidParameterValue", lambda: sqs.send_message(
        QueueUrl=url, MessageBody="x", MessageAttributes={"a": attribute}), text=text)
sqs.send_message(QueueUrl=url, MessageBody="x" * (1 << 20))
assert [len(body) for body in bodies(receive(url))] == [1 << 20]


# Batches
def entries(*ids, **more):
    return [{"Id": identifier, "MessageBody": f"body {identifier}", **more} for identifier in ids]


batch = sqs.send_message_batch(QueueUrl=url, Entries=entries("a", "b") + entries("c", DelaySeconds=901))
assert [entry["Id"] for entry in batch["Successful"]] == ["a", "b"]
assert [(entry["Id"], entry["SenderFault"]) for entry in batch["Failed"]] == [("c", True)]
messages = receive(url)
assert bodies(messages) == ["body a", "body b"]
handles = [{"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]} for n, message in enumerate(messages)]
changed = sqs.change_message_visibility_batch(QueueUrl=url, Entries=[{**handle, "VisibilityTimeout": 90} for handle in handles])
assert len(changed["Successful"]) == 2 and "Failed" not in changed
removed = sqs.delete_message_batch(QueueUrl=url, Entries=handles + [{"Id": "x", "ReceiptHandle": "x"}])
assert len(removed["Successful"]) == 2 and removed["Failed"][0]["Code"] == "ReceiptHandleIsInvalid"
prefix = "AWS.SimpleQueueService."
for code, wrong in [
    ("EmptyBatchRequest", []),
    ("TooManyEntriesInBatchRequest", entries(*"abcdefghijk")),
    ("BatchEntryIdsNotDistinct", entries("a", "a")),
    ("InvalidBatchEntryId", entries("a b")),
    ("BatchRequestTooLong", [{"Id": n, "MessageBody": "x" * 600_000} for n in "ab"]),
]:
    refused(prefix + code, lambda: sqs.send_message_batch(QueueUrl=url, Entries=wrong), code)

# Waiting
answers = []
waiting = threading.Thread(target=lambda: answers.extend(receive(url, WaitTimeSeconds=20)))
waiting.start()
sqs.send_message(QueueUrl=url, MessageBody="late")
waiting.join()
assert bodies(answers) == ["late"]
delayed = sqs.create_queue(QueueName="delayed", Attributes={"DelaySeconds": "1"})["QueueUrl"]
sqs.send_message(QueueUrl=delayed, MessageBody="due")
assert attributes(delayed, "ApproximateNumberOfMessagesDelayed") == {"ApproximateNumberOfMessagesDelayed": "1"}
assert bodies(receive(delayed, WaitTimeSeconds=20)) == ["due"]

# FIFO
fifo = sqs.create_queue(QueueName="q.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
assert attributes(fifo, "FifoQueue", "DeduplicationScope") == {"FifoQueue": "true", "DeduplicationScope": "queue"}


def put(group, body):
    return sqs.send_message(QueueUrl=fifo, MessageBody=body, MessageGroupId=group, MessageDeduplicationId=body)


numbers = [put("a", "a1")["SequenceNumber"], put("a", "a2")["SequenceNumber"]]
assert numbers == sorted(numbers) and put("a", "a2")["SequenceNumber"] == numbers[1]
put("b", "b1")
one, = receive(fifo, 1)
assert one["Body"] == "a1" and bodies(receive(fifo)) == ["b1"] and receive(fifo) == []
sqs.delete_message(QueueUrl=fifo, ReceiptHandle=one["ReceiptHandle"])
again = [receive(fifo, ReceiveRequestAttemptId="t", AttributeNames=["All"]) for _ in range(2)]
assert bodies(again[0]) == ["a2"] and again[0] == again[1]
assert again[0][0]["Attributes"]["SequenceNumber"] == numbers[1]
refused("MissingParameter", lambda: sqs.send_message(QueueUrl=fifo, MessageBody="x"))
refused("InvalidParameterValue", lambda: sqs.send_message(QueueUrl=fifo, MessageBody="x", MessageGroupId="g"))
# One message without its place refuses the whole batch.
placed, nowhere = entries("a", MessageGroupId="g", MessageDeduplicationId="batch"), entries("b", MessageDeduplicationId="b")
refused("MissingParameter", lambda: sqs.send_message_batch(QueueUrl=fifo, Entries=placed + nowhere),
        text="The request must contain the parameter MessageGroupId.")
refused("InvalidParameterValue", lambda: sqs.send_message_batch(QueueUrl=fifo, Entries=placed + entries("b", MessageGroupId="g")),
        text="ContentBasedDeduplication")
assert receive(fifo) == []

# Dead letters
dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
dead_arn = attributes(dead, "QueueArn")["QueueArn"]
policy = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 1})
textual = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": "1"})
source = sqs.create_queue(QueueName="source", Attributes={"RedrivePolicy": policy, "VisibilityTimeout": "0"})["QueueUrl"]
assert json.loads(attributes(source, "RedrivePolicy")["RedrivePolicy"]) == json.loads(policy)
sqs.set_queue_attributes(QueueUrl=source, Attributes={"RedrivePolicy": textual})
assert json.loads(attributes(source, "RedrivePolicy")["RedrivePolicy"]) == json.loads(policy)
assert sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"] == [source]
sqs.send_message(QueueUrl=source, MessageBody="poison")
assert bodies(receive(source)) == ["poison"] and receive(source) == []
message, = receive(dead, AttributeNames=["All"], VisibilityTimeout=0)
assert message["Attributes"]["DeadLetterQueueSourceArn"] == attributes(source, "QueueArn")["QueueArn"]
refused("ResourceNotFoundException", lambda: sqs.start_message_move_task(SourceArn=dead_arn + "x"), "ResourceNotFoundException")
assert sqs.start_message_move_task(SourceArn=dead_arn)["TaskHandle"]
assert bodies(receive(source, WaitTimeSeconds=20)) == ["poison"]
deadline = time.monotonic() + 60
while True:
    task, = sqs.list_message_move_tasks(SourceArn=dead_arn)["Results"]
    if task["Status"] == "COMPLETED":
        break
    assert time.monotonic() < deadline, task
    time.sleep(0.02)
assert task["ApproximateNumberOfMessagesMoved"] == 1 and "TaskHandle" not in task
refused("ResourceNotFoundException", lambda: sqs.cancel_message_move_task(TaskHandle="x"))

# The end
sqs.purge_queue(QueueUrl=url)
refused(prefix + "PurgeQueueInProgress", lambda: sqs.purge_queue(QueueUrl=url), "PurgeQueueInProgress")
assert attributes(url, "ApproximateNumberOfMessages") == {"ApproximateNumberOfMessages": "0"}
sqs.delete_queue(QueueUrl=url)
refused(missing, lambda: receive(url), "QueueDoesNotExist")
