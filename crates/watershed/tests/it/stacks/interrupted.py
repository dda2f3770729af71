"""One operation on a stack, watched until a number of events has happened; afterwards, what became of it.

Usage: interrupted.py create|update|delete EVENTS|settled
"""

import json
import sys
import time

import boto3

operation, events = sys.argv[1], sys.argv[2]
cloudformation = boto3.client("cloudformation")
deadline = time.monotonic() + 60


def table(name):
    return {"Type": "AWS::DynamoDB::Table", "Properties": {
        "TableName": name, "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "StreamSpecification": {"StreamViewType": "NEW_IMAGE"}}}


def template(second, days):
    return json.dumps({"Resources": {
        "First": table("first"),
        "Second": table(second),
        "Group": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "group", "RetentionInDays": days}},
        "Role": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "role", "AssumeRolePolicyDocument": {"Statement": []}}},
        "Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "bucket"}},
        "Pipe": {"Type": "AWS::Pipes::Pipe", "Properties": {
            "RoleArn": {"Fn::GetAtt": ["Role", "Arn"]}, "Source": {"Fn::GetAtt": ["Second", "StreamArn"]},
            "SourceParameters": {"DynamoDBStreamParameters": {"StartingPosition": "TRIM_HORIZON"}},
            "Target": {"Fn::GetAtt": ["Group", "Arn"]}}},
    }, "Outputs": {"Stream": {"Value": {"Fn::GetAtt": ["Second", "StreamArn"]}, "Export": {"Name": "stream"}}}})


def tables():
    return sorted(boto3.client("dynamodb").list_tables()["TableNames"])


def newest():
    """The latest stack of the name, deleted ones too."""
    stacks = cloudformation.list_stacks()["StackSummaries"]
    return max((one for one in stacks if one["StackName"] == "site"), key=lambda one: one["CreationTime"])


if events == "settled":
    while newest()["StackStatus"].endswith("IN_PROGRESS"):
        assert time.monotonic() < deadline, newest()
        time.sleep(0.05)
    stack = newest()
    assert stack["StackStatus"] == f"{operation.upper()}_COMPLETE", stack
    exists = {"create": ["first", "second"], "update": ["changed", "first"], "delete": []}[operation]
    assert tables() == exists, (operation, tables())
    assert len(boto3.client("pipes").list_pipes()["Pipes"]) == (operation != "delete")
    groups = boto3.client("logs").describe_log_groups()["logGroups"]
    assert [group["retentionInDays"] for group in groups] == {"create": [1], "update": [3], "delete": []}[operation]
    assert len(cloudformation.list_exports()["Exports"]) == (operation != "delete")
    sys.exit()

before = 0
if operation == "create":
    cloudformation.create_stack(StackName="site", TemplateBody=template("second", 1))
else:
    before = len(cloudformation.describe_stack_events(StackName="site")["StackEvents"])
if operation == "update":
    cloudformation.update_stack(StackName="site", TemplateBody=template("changed", 3))
identity = newest()["StackId"]
if operation == "delete":
    cloudformation.delete_stack(StackName="site")
while len(cloudformation.describe_stack_events(StackName=identity)["StackEvents"]) - before < int(events):
    assert time.monotonic() < deadline
