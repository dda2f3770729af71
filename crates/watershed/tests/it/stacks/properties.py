"""What templates say that a resource type does not have: refused by name in the stack's events, and all undone.

Usage: properties.py; the endpoint and key stand in the environment.
"""

import json
import time

import boto3

cloudformation, logs, s3 = (boto3.client(name) for name in ("cloudformation", "logs", "s3"))


def settled(change, status, resources):
    change(StackName="one", TemplateBody=json.dumps({"Resources": resources}))
    deadline = time.monotonic() + 60
    while True:
        stack = cloudformation.describe_stacks(StackName="one")["Stacks"][0]
        if not stack["StackStatus"].endswith("IN_PROGRESS"):
            break
        assert time.monotonic() < deadline, stack
        time.sleep(0.05)
    events = cloudformation.describe_stack_events(StackName=stack["StackId"])["StackEvents"]
    assert stack["StackStatus"] == status, (stack, [event.get("ResourceStatusReason") for event in events])
    return [(event["LogicalResourceId"], event["ResourceStatus"], event.get("ResourceStatusReason")) for event in events]


def gone():
    stack = cloudformation.describe_stacks(StackName="one")["Stacks"][0]["StackId"]
    cloudformation.delete_stack(StackName="one")
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})


def resource(kind, **properties):
    return {"Type": kind, "Properties": properties}


BUCKET = {
    "BucketName": "kept", "Tags": [{"Key": "a", "Value": "b"}],
    "BucketEncryption": {"ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]},
    "PublicAccessBlockConfiguration": {"BlockPublicAcls": True},
    "LifecycleConfiguration": {"Rules": [{"Status": "Enabled", "ExpirationInDays": 7}]},
    "NotificationConfiguration": {"EventBridgeConfiguration": {"EventBridgeEnabled": True}},
}
accepted = {
    "B": resource("AWS::S3::Bucket", **BUCKET),
    "L": resource("AWS::Logs::LogGroup", LogGroupName="rare", LogGroupClass="INFREQUENT_ACCESS"),
    "K": resource("AWS::KMS::Key", KeyPolicy={}, EnableKeyRotation=True),
}
settled(cloudformation.create_stack, "CREATE_COMPLETE", accepted)
(group,) = logs.describe_log_groups(logGroupNamePrefix="rare")["logGroups"]
assert group["logGroupClass"] == "INFREQUENT_ACCESS", group

# An update that asks for more goes back, and what is there stays.
more = {**accepted, "B": resource("AWS::S3::Bucket", **BUCKET, VersioningConfiguration={"Status": "Enabled"})}
events = settled(cloudformation.update_stack, "UPDATE_ROLLBACK_COMPLETE", more)
assert ("B", "UPDATE_FAILED", "Encountered unsupported property VersioningConfiguration") in events, events
s3.head_bucket(Bucket="kept")
gone()

EXTRANEOUS = "Properties validation failed for resource R with message:\n#/{}: extraneous key [{}] is not permitted"
TABLE = {"TableName": "Refused", "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
         "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}], "BillingMode": "PAY_PER_REQUEST"}
for made, reason in [
    (resource("AWS::S3::Bucket", WebsiteConfiguration={}), "Encountered unsupported property WebsiteConfiguration"),
    (resource("AWS::S3::Bucket", NotificationConfiguration={"QueueConfigurations": []}),
     EXTRANEOUS.format("NotificationConfiguration", "QueueConfigurations")),
    (resource("AWS::Logs::LogGroup", LogGroupNmae="typo"), "Encountered unsupported property LogGroupNmae"),
    (resource("AWS::DynamoDB::Table", **TABLE, TimeToLiveSpecification={"AttributeName": "until", "Enabled": True}),
     "Encountered unsupported property TimeToLiveSpecification"),
    (resource("AWS::DynamoDB::Table", **TABLE, StreamSpecification={"StreamViewType": "NEW_IMAGE", "StreamEnabled": True}),
     EXTRANEOUS.format("StreamSpecification", "StreamEnabled")),
    (resource("AWS::SQS::Queue", ContentBasedDeduplicaton=True), "Encountered unsupported property ContentBasedDeduplicaton"),
    (resource("AWS::IAM::Role", AssumeRolePolicyDocument={}, Policies=[{"PolicyName": "p", "PolicyDocument": {}, "Sid": "s"}]),
     EXTRANEOUS.format("Policies/0", "Sid")),
    (resource("AWS::Lambda::Alias", FunctionName="f", FunctionVersion="1", Name="n", ProvisionedConcurrencyConfig={}),
     "Encountered unsupported property ProvisionedConcurrencyConfig"),
    (resource("AWS::CloudFormation::Stack", TemplateURL="x", WatershedSources={}),
     "Encountered unsupported property WatershedSources"),
    (resource("AWS::S3::Bucket", BucketName="Not_A_Name"), "The specified bucket is not valid. (InvalidBucketName)"),
]:
    events = settled(cloudformation.create_stack, "ROLLBACK_COMPLETE", {"R": made, "A": resource("AWS::Logs::LogGroup")})
    assert ("R", "CREATE_FAILED", reason) in events, (reason, events)
    gone()
assert logs.describe_log_groups()["logGroups"] == []
