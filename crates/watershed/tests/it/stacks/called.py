"""A serverless function called by its events: a queue, a table's stream, a schedule.

Usage: called.py FOLDER prepare|messages|schedule; the endpoint and key stand in the environment. The stack `called` is made by
`watershed deploy` in between, and the test moves the clock before `schedule`.
"""

import json
import os
import sys
import time

import boto3

folder, step = sys.argv[1:]
TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Queue: { Type: AWS::SQS::Queue, Properties: { QueueName: called } }
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: Called
      BillingMode: PAY_PER_REQUEST
      KeySchema: [{ AttributeName: id, KeyType: HASH }]
      AttributeDefinitions: [{ AttributeName: id, AttributeType: S }]
      StreamSpecification: { StreamViewType: NEW_IMAGE }
  Fn:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: called
      CodeUri: src
      Runtime: provided.al2023
      Handler: bootstrap
      Events:
        Messages: { Type: SQS, Properties: { Queue: !GetAtt Queue.Arn, BatchSize: 1 } }
        Changes: { Type: DynamoDB, Properties: { Stream: !GetAtt Table.StreamArn, StartingPosition: TRIM_HORIZON } }
        Minutes: { Type: Schedule, Properties: { Schedule: rate(1 minute) } }
        Given: { Type: Schedule, Properties: { Schedule: rate(1 minute), Input: '{"given": true}' } }
"""
# A custom runtime that prints what it is called with.
BOOTSTRAP = """#!/usr/bin/env python3
import http.client, os
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
while True:
    api.request("GET", "/2018-06-01/runtime/invocation/next")
    response = api.getresponse()
    print("EVENT", response.read().decode(), flush=True)
    id = response.headers["Lambda-Runtime-Aws-Request-Id"]
    api.request("POST", f"/2018-06-01/runtime/invocation/{id}/response", "{}")
    api.getresponse().read()
"""
logs = boto3.client("logs")


def events():
    try:
        lines = logs.filter_log_events(logGroupName="/aws/lambda/called")["events"]
    except logs.exceptions.ResourceNotFoundException:
        return []
    texts = (line["message"] for line in lines)
    return [json.loads(text.removeprefix("EVENT ")) for text in texts if text.startswith("EVENT ")]


def called(what, judge):
    deadline = time.monotonic() + 60
    while not (found := [event for event in events() if judge(event)]):
        assert time.monotonic() < deadline, (what, events())
        time.sleep(0.05)
    return found[0]


def record(source):
    return lambda event: [one for one in event.get("Records", []) if one["eventSource"] == source]


if step == "prepare":
    os.makedirs(os.path.join(folder, "src"))
    with open(os.path.join(folder, "src", "bootstrap"), "w") as file:
        file.write(BOOTSTRAP)
    os.chmod(file.name, 0o755)
    with open(os.path.join(folder, "called.yaml"), "w") as file:
        file.write(TEMPLATE)
elif step == "messages":
    sqs = boto3.client("sqs")
    sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName="called")["QueueUrl"], MessageBody="hello")
    boto3.client("dynamodb").put_item(TableName="Called", Item={"id": {"S": "one"}})
    (message,) = called("a message", record("aws:sqs"))["Records"]
    assert message["body"] == "hello" and message["eventSourceARN"].endswith(":called"), message
    (change,) = called("a change", record("aws:dynamodb"))["Records"]
    assert change["eventName"] == "INSERT" and change["dynamodb"]["NewImage"] == {"id": {"S": "one"}}, change
    assert not [event for event in events() if "Records" not in event], events()
else:
    scheduled = called("the schedule", lambda event: event.get("detail-type") == "Scheduled Event")
    assert scheduled["source"] == "aws.events" and ":rule/called-FnMinutes" in scheduled["resources"][0], scheduled
    called("what the schedule gives", lambda event: event == {"given": True})
