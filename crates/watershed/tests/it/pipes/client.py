"""Clients, waiting and the things pipes meet, for the scripts beside this."""

import sys
import time

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

ACCOUNT = "000000000000"
REGION = "us-east-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/pipe"
WAIT = 60


def client(service, retries=0):
    config = Config(retries={"max_attempts": retries}, connect_timeout=5, read_timeout=30)
    return boto3.client(service, endpoint_url=sys.argv[1], config=config)


def until(what, found, wait=WAIT):
    """Asks until there is an answer that is not empty."""
    deadline = time.monotonic() + wait
    while time.monotonic() < deadline:
        if answer := found():
            return answer
        time.sleep(0.05)
    raise AssertionError(f"waited in vain: {what}")


def refused(code, call, *words):
    try:
        answer = call()
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, (code, error.response)
        for word in words:
            assert word in error.response["Error"]["Message"], (word, error.response)
        return
    raise AssertionError(f"{code} was not raised: {answer}")


def arn(service, resource):
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"


def state(name, wanted):
    """Waits until a pipe is as wanted."""
    pipes = client("pipes")
    return until(f"{name} is {wanted}", lambda: pipes.describe_pipe(Name=name)["CurrentState"] == wanted)


def pipe(name, source, target, **more):
    client("pipes").create_pipe(Name=name, Source=source, Target=target, RoleArn=ROLE, **more)
    state(name, "RUNNING")


def take(queue, count):
    """Takes messages for good until there are so many."""
    sqs = client("sqs")
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    taken = []

    def more():
        answer = sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1, AttributeNames=["All"], MessageAttributeNames=["All"]
        )
        for message in answer.get("Messages", []):
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            taken.append(message)
        return len(taken) >= count

    until(f"{count} messages in {queue}", more)
    assert len(taken) == count, (queue, len(taken), count)
    return taken


def queue(name, **attributes):
    client("sqs").create_queue(QueueName=name, Attributes=attributes)
    return arn("sqs", name)


def table(name):
    """A table with a stream; answers the stream's ARN."""
    made = client("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )
    return made["TableDescription"]["LatestStreamArn"]


def put(table, **item):
    client("dynamodb").put_item(TableName=table, Item={name: {"S": value} for name, value in item.items()})


STREAM = {"DynamoDBStreamParameters": {"StartingPosition": "TRIM_HORIZON"}}
