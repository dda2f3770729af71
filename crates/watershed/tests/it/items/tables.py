"""What the scripts of this folder share: a client, tables, and how a refusal is checked."""

import sys

import boto3
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.config import Config
from botocore.exceptions import ClientError

# boto3's own checks are off: the server's answers are what is tested.
client = boto3.client("dynamodb", endpoint_url=sys.argv[1], config=Config(parameter_validation=False, retries={"max_attempts": 1}))


def wire(value):
    return TypeSerializer().serialize(value)


def item(**attributes):
    return {name: wire(value) for name, value in attributes.items()}


def plain(attributes):
    return {name: TypeDeserializer().deserialize(value) for name, value in attributes.items()}


def create(name, **keys):
    """`create("Things", id="S", sort="N")`: the first is the hash key."""
    client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": kind} for key, kind in keys.items()],
        KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, ("HASH", "RANGE"))],
    )


def refused(text, call, code="ValidationException"):
    """Answers the error's response, whose message must contain `text`."""
    try:
        answer = call()
    except ClientError as error:
        found = error.response["Error"]
        assert found["Code"] == code and text in found["Message"], (code, text, found)
        return error.response
    raise AssertionError(f"{code} with {text!r} expected, got {answer}")
