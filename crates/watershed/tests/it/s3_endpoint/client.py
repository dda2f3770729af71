"""What the scripts share. Each is called as SCRIPT ENDPOINT DATA."""

import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

ENDPOINT = sys.argv[1]
MIB = 1 << 20


def client(service="s3", **config):
    version = "s3v4" if service == "s3" else None
    settings = Config(retries={"total_max_attempts": 3}, signature_version=version, **config)
    return boto3.client(service, endpoint_url=ENDPOINT, config=settings)


def refused(code, call, status=None):
    """The call must fail with this code."""
    try:
        answer = call()
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error
        if status:
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] == status, error
        return error.response
    raise AssertionError(f"{code} expected, got {answer}")
