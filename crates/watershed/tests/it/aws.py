"""Clients and waiting, for the scripts of the folders beside this. Their first argument is the server's endpoint."""

import sys
import time

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

ACCOUNT = "000000000000"
REGION = "us-east-1"
WAIT = 60


def client(service, retries=0):
    config = Config(retries={"max_attempts": retries}, connect_timeout=5, read_timeout=30)
    return boto3.client(service, endpoint_url=sys.argv[1], config=config)


def arn(service, resource):
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"


def until(what, found, wait=WAIT):
    """Asks until there is an answer that is not empty."""
    deadline = time.monotonic() + wait
    while time.monotonic() < deadline:
        if answer := found():
            return answer
        time.sleep(0.05)
    raise AssertionError(f"waited in vain: {what}")


def attempt(call):
    """What the server, which is killed now and then, answers; None when it does not."""
    try:
        return call() or True
    except (BotoCoreError, ClientError) as error:
        assert not isinstance(error, ClientError) or error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500, error
        return None


def again(call):
    """Calls until there is an answer."""
    return until("an answer", lambda: attempt(call))


def refused(code, call, *words):
    try:
        answer = call()
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, (code, error.response)
        for word in words:
            assert word in error.response["Error"]["Message"], (word, error.response)
        return error.response
    raise AssertionError(f"{code} was not raised: {answer}")
