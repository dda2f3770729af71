"""Writes items and sends messages, each until it is acknowledged, while the server is killed. A pipe enriches the items by a
function on their way into the lake, a mapping hands the messages to one; prints how many items there are.

Usage: crash.py ENDPOINT FILE
"""

import pathlib
import sys

from aws import ACCOUNT, again, arn, client, until
from mapped_function import create, noted, place

COUNT = 160
acknowledged = pathlib.Path(sys.argv[2])
file = place(acknowledged.parent)
functions, sqs, tables = client("lambda"), client("sqs"), client("dynamodb")
ROLE = f"arn:aws:iam::{ACCOUNT}:role/r"
functions.create_function(
    FunctionName="enrich", Role=ROLE, Runtime="watershed.jq", Code={"ZipFile": b""},
    Handler="map({id: .dynamodb.NewImage.id.S, by: \"function\"})")
create("note", file)
queue = sqs.create_queue(QueueName="q", Attributes={"VisibilityTimeout": "2"})["QueueUrl"]
functions.create_event_source_mapping(EventSourceArn=arn("sqs", "q"), FunctionName="note")
stream = tables.create_table(
    TableName="Items", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}], BillingMode="PAY_PER_REQUEST",
    AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"})["TableDescription"]["LatestStreamArn"]
client("s3").create_bucket(Bucket="crash-lake")
client("firehose").create_delivery_stream(DeliveryStreamName="crash", ExtendedS3DestinationConfiguration={
    "BucketARN": "arn:aws:s3:::crash-lake", "RoleARN": ROLE, "Prefix": "crash/",
    "ProcessingConfiguration": {"Enabled": True, "Processors": [{"Type": "AppendDelimiterToRecord"}]}})
client("pipes").create_pipe(
    Name="p", RoleArn=ROLE, Source=stream, Target=arn("firehose", "deliverystream/crash"),
    Enrichment=arn("lambda", "function:enrich"),
    SourceParameters={"DynamoDBStreamParameters": {"StartingPosition": "TRIM_HORIZON"}})
with open(acknowledged, "w") as lines:
    for n in range(COUNT):
        # A repeat changes nothing, so each has one record.
        again(lambda: tables.put_item(TableName="Items", Item={"id": {"S": f"i{n}"}}))
        again(lambda: sqs.send_message(QueueUrl=queue, MessageBody=f"m{n}"))
        print(n, file=lines, flush=True)
wanted = {f"m{n}" for n in range(COUNT)}
until("all messages", lambda: wanted <= {text for _, _, text in noted(file)}, wait=120)
print(COUNT)
