"""What boto3 meets at the wire: identity, tables and streams, and AWS's own errors for bad requests.

Usage: check.py ENDPOINT
"""

import os
import sys
import urllib.error
import urllib.request

import boto3
from botocore.exceptions import ClientError

endpoint = sys.argv[1]


def client(service, **key):
    return boto3.client(service, endpoint_url=endpoint, **key)


def refused(code, call, text=""):
    try:
        answer = call()
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, (code, error.response["Error"])
        assert text in error.response["Error"]["Message"], (text, error.response["Error"])
        return
    raise AssertionError(f"{code} expected, got {answer}")


assert client("sts").get_caller_identity()["Account"] == "000000000000"

dynamodb = client("dynamodb")
dynamodb.create_table(
    TableName="Visits",
    BillingMode="PAY_PER_REQUEST",
    AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
)
number = "1234567890123456789012345678.9012345678"
for _ in range(2):
    dynamodb.put_item(TableName="Visits", Item={"id": {"S": "1"}, "n": {"N": number}})
assert dynamodb.get_item(TableName="Visits", Key={"id": {"S": "1"}})["Item"]["n"]["N"] == number

streams = client("dynamodbstreams")
arn = streams.list_streams(TableName="Visits")["Streams"][0]["StreamArn"]
records = []
for shard in streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]:
    start = streams.get_shard_iterator(StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")
    records += streams.get_records(ShardIterator=start["ShardIterator"])["Records"]
assert [record["eventName"] for record in records] == ["INSERT"], "a put that changes nothing makes no record"

wrong = {"aws_access_key_id": "AKIDWRONG", "aws_secret_access_key": "x"}
refused("UnrecognizedClientException", client("dynamodb", **wrong).list_tables)
wrong["aws_access_key_id"] = os.environ["AWS_ACCESS_KEY_ID"]
refused("InvalidSignatureException", client("dynamodb", **wrong).list_tables)
refused("UnknownOperationException", dynamodb.list_backups)
refused("ResourceNotFoundException", lambda: dynamodb.get_item(TableName="Nothing", Key={"id": {"S": "1"}}))
deep = "(" * 100_000
refused("ValidationException", lambda: dynamodb.put_item(TableName="Visits", Item={"id": {"S": "2"}}, ConditionExpression=deep))
refused("ValidationException", lambda: dynamodb.put_item(TableName="Visits", Item={"x": {"S": "2"}}), "Missing the key id")
refused("ConditionalCheckFailedException", lambda: dynamodb.put_item(
    TableName="Visits", Item={"id": {"S": "1"}}, ConditionExpression="attribute_not_exists(id)"))

with urllib.request.urlopen(f"{endpoint}/health") as answer:
    assert answer.status == 200
try:
    request = urllib.request.Request(endpoint, data=b"{}", headers={"X-Amz-Target": "DynamoDB_20120810.ListTables"})
    urllib.request.urlopen(request)
    raise AssertionError("an unsigned call was answered")
except urllib.error.HTTPError as error:
    assert error.code in (400, 403) and b"MissingAuthenticationToken" in error.read()
