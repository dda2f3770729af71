"""Resource types of functions, queues, buses and schedules: made, referred to, changed in place, replaced, removed.

Usage: resources.py; the endpoint and key stand in the environment.
"""

import json
import time

import boto3
from botocore.exceptions import ClientError

cloudformation, functions, sqs, events, scheduler = (
    boto3.client(name) for name in ("cloudformation", "lambda", "sqs", "events", "scheduler"))


def deploy(change, status, template):
    change(StackName="all", TemplateBody=json.dumps(template))
    deadline = time.monotonic() + 60
    while True:
        stack = cloudformation.describe_stacks(StackName="all")["Stacks"][0]
        if not stack["StackStatus"].endswith("IN_PROGRESS"):
            break
        assert time.monotonic() < deadline, stack
        time.sleep(0.05)
    reasons = [event.get("ResourceStatusReason") for event in
               cloudformation.describe_stack_events(StackName="all")["StackEvents"]]
    assert stack["StackStatus"] == status, (stack["StackStatus"], reasons)
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def gone(call, *codes):
    try:
        call()
    except ClientError as error:
        assert error.response["Error"]["Code"] in codes, error
        return
    raise AssertionError(f"{codes} expected")


def attribute(name, of):
    return {"Fn::GetAtt": [name, of]}


def policy(effect):
    return {"Version": "2012-10-17", "Statement": [
        {"Sid": "s", "Effect": effect, "Principal": "*", "Action": "sqs:SendMessage", "Resource": attribute("Q", "Arn")}]}


def template(**changed):
    """A resource of each type; `changed` are properties by type's logical id."""
    resources = {
        "F": ("AWS::Lambda::Function", {
            "FunctionName": "f", "Runtime": "python3.12", "Handler": "index.handler",
            "Role": "arn:aws:iam::000000000000:role/r", "Code": {"ZipFile": "def handler(event, context):\n    return event\n"},
            "Environment": {"Variables": {"Timeout": "007", "PORT": 80}}}),
        "V": ("AWS::Lambda::Version", {"FunctionName": {"Ref": "F"}, "Description": "one"}),
        "A": ("AWS::Lambda::Alias", {"FunctionName": {"Ref": "F"}, "Name": "live", "FunctionVersion": attribute("V", "Version")}),
        "I": ("AWS::Lambda::EventInvokeConfig", {"FunctionName": {"Ref": "F"}, "Qualifier": "live", "MaximumRetryAttempts": "1"}),
        "P": ("AWS::Lambda::Permission", {"FunctionName": {"Ref": "A"}, "Action": "lambda:InvokeFunction",
                                          "Principal": "events.amazonaws.com"}),
        "Q": ("AWS::SQS::Queue", {"QueueName": "q"}),
        "QP": ("AWS::SQS::QueuePolicy", {"Queues": [{"Ref": "Q"}], "PolicyDocument": policy("Allow")}),
        "M": ("AWS::Lambda::EventSourceMapping", {"EventSourceArn": attribute("Q", "Arn"), "FunctionName": {"Ref": "F"},
                                                  "BatchSize": 1}),
        "B": ("AWS::Events::EventBus", {"Name": "b"}),
        "BP": ("AWS::Events::EventBusPolicy", {"EventBusName": {"Ref": "B"}, "StatementId": "all", "Statement": {
            "Effect": "Allow", "Principal": "*", "Action": "events:PutEvents", "Resource": attribute("B", "Arn")}}),
        "C": ("AWS::Events::Connection", {"Name": "c", "AuthorizationType": "API_KEY", "Description": "d", "AuthParameters": {
            "ApiKeyAuthParameters": {"ApiKeyName": "k", "ApiKeyValue": "hunter2hunter2"}}}),
        "D": ("AWS::Events::ApiDestination", {"Name": "d", "ConnectionArn": attribute("C", "Arn"), "HttpMethod": "POST",
                                              "InvocationEndpoint": "https://example.com", "InvocationRateLimitPerSecond": "7"}),
        "G": ("AWS::Scheduler::ScheduleGroup", {"Name": "g", "Tags": [{"Key": "a", "Value": "1"}]}),
        "S": ("AWS::Scheduler::Schedule", {
            "Name": "s", "GroupName": {"Ref": "G"}, "ScheduleExpression": "rate(1 hour)", "StartDate": "2090-01-01T00:00:00Z",
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "Target": {"Arn": attribute("Q", "Arn"), "RoleArn": "arn:aws:iam::000000000000:role/r", "Input": "{}"}}),
    }
    for name, properties in changed.items():
        resources[name][1].update(properties)
    outputs = {"V": {"Ref": "V"}, "A": {"Ref": "A"}, "Version": attribute("V", "Version"), "M": {"Ref": "M"}, "S": attribute("S", "Arn"),
               "D": attribute("D", "ArnForPolicy"), "P": {"Ref": "P"}, "G": attribute("G", "Arn"), "C": attribute("C", "SecretArn")}
    return {"Resources": {name: {"Type": kind, "Properties": properties} for name, (kind, properties) in resources.items()},
            "Outputs": {name: {"Value": value} for name, value in outputs.items()}}


made = deploy(cloudformation.create_stack, "CREATE_COMPLETE", template())
arn = "arn:aws:lambda:us-east-1:000000000000:function:f"
assert (made["V"], made["Version"], made["A"]) == (f"{arn}:1", "1", f"{arn}:live"), made
assert made["S"].endswith(":schedule/g/s") and made["D"].endswith(":api-destination/d") and made["C"], made
configuration = functions.get_function_configuration(FunctionName="f")
assert configuration["Environment"]["Variables"] == {"Timeout": "007", "PORT": "80"}, configuration
statement = json.loads(functions.get_policy(FunctionName="f", Qualifier="live")["Policy"])["Statement"][0]
assert statement["Sid"] == made["P"] and statement["Resource"] == f"{arn}:live", statement
assert functions.get_function_event_invoke_config(FunctionName="f", Qualifier="live")["MaximumRetryAttempts"] == 1
assert functions.get_event_source_mapping(UUID=made["M"])["BatchSize"] == 1
queue = sqs.get_queue_url(QueueName="q")["QueueUrl"]


def effect():
    return json.loads(sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["Policy"])["Attributes"]["Policy"])["Statement"][0]["Effect"]


assert effect() == "Allow"
assert json.loads(events.describe_event_bus(Name="b")["Policy"])["Statement"][0]["Sid"] == "all"
assert events.describe_api_destination(Name="d")["InvocationRateLimitPerSecond"] == 7
assert scheduler.get_schedule(Name="s", GroupName="g")["StartDate"].year == 2090

# In place; a mapping moves to another qualifier of its function without a new one.
changed = deploy(cloudformation.update_stack, "UPDATE_COMPLETE", template(
    A={"Description": "d"}, I={"MaximumRetryAttempts": 2}, QP={"PolicyDocument": policy("Deny")}, M={"FunctionName": {"Ref": "A"}},
    BP={"Statement": {"Effect": "Deny", "Principal": "*", "Action": "events:PutEvents", "Resource": attribute("B", "Arn")}},
    C={"Description": "e"}, D={"HttpMethod": "PUT"}, G={"Tags": [{"Key": "a", "Value": "2"}]}, S={"ScheduleExpression": "rate(2 hours)"}))
assert changed == made, changed
assert functions.get_alias(FunctionName="f", Name="live")["Description"] == "d"
assert functions.get_function_event_invoke_config(FunctionName="f", Qualifier="live")["MaximumRetryAttempts"] == 2
assert functions.get_event_source_mapping(UUID=made["M"])["FunctionArn"] == f"{arn}:live"
assert effect() == "Deny"
(only,) = json.loads(events.describe_event_bus(Name="b")["Policy"])["Statement"]
assert only["Effect"] == "Deny", only
assert events.describe_connection(Name="c")["Description"] == "e"
assert events.describe_api_destination(Name="d")["HttpMethod"] == "PUT"
assert scheduler.list_tags_for_resource(ResourceArn=made["G"])["Tags"] == [{"Key": "a", "Value": "2"}]
assert scheduler.get_schedule(Name="s", GroupName="g")["ScheduleExpression"] == "rate(2 hours)"

# Another version, to which the alias moves before the first goes; a statement of another id.
moved = deploy(cloudformation.update_stack, "UPDATE_COMPLETE", template(V={"Description": "two"}, P={"Principal": "s3.amazonaws.com"}))
assert moved["Version"] == "2" and moved["A"] == made["A"] and moved["P"] != made["P"], moved
assert [one["Version"] for one in functions.list_versions_by_function(FunctionName="f")["Versions"]] == ["$LATEST", "2"]
(only,) = json.loads(functions.get_policy(FunctionName="f", Qualifier="live")["Policy"])["Statement"]
assert only["Principal"] == {"Service": "s3.amazonaws.com"}, only

# A change that a service refuses is taken back, also where others succeeded before.
deploy(cloudformation.update_stack, "UPDATE_ROLLBACK_COMPLETE", template(
    V={"Description": "two"}, P={"Principal": "s3.amazonaws.com"}, A={"Description": "lost"}, S={"ScheduleExpression": "never"}))
assert functions.get_alias(FunctionName="f", Name="live")["Description"] == ""

stack = cloudformation.describe_stacks(StackName="all")["Stacks"][0]["StackId"]
cloudformation.delete_stack(StackName="all")
cloudformation.get_waiter("stack_delete_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})
gone(lambda: functions.get_function(FunctionName="f"), "ResourceNotFoundException")
gone(lambda: functions.get_event_source_mapping(UUID=made["M"]), "ResourceNotFoundException")
gone(lambda: events.describe_connection(Name="c"), "ResourceNotFoundException")
gone(lambda: events.describe_event_bus(Name="b"), "ResourceNotFoundException")
gone(lambda: scheduler.get_schedule_group(Name="g"), "ResourceNotFoundException")
