"""The Lambda API through boto3.

Usage: check.py ENDPOINT BOOTSTRAP
"""

import base64
import concurrent.futures
import io
import json
import os
import sys
import time
import zipfile

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

endpoint, bootstrap = sys.argv[1:]
config = Config(retries={"max_attempts": 0}, read_timeout=120)
client = boto3.client("lambda", endpoint_url=endpoint, config=config)
logs = boto3.client("logs", endpoint_url=endpoint)
ROLE = "arn:aws:iam::000000000000:role/r"


def refused(code, status, call, text=""):
    try:
        answer = call()
    except ClientError as error:
        found = error.response["Error"]
        assert found["Code"] == code, (code, found)
        assert text in found["Message"], (text, found)
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == status, error.response
        return error.response
    raise AssertionError(f"{code} expected, got {answer}")


def packed():
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        entry = zipfile.ZipInfo("bootstrap")
        entry.external_attr = 0o755 << 16
        archive.writestr(entry, open(bootstrap).read())
    return data.getvalue()


def create(name, **members):
    members = {"Runtime": "provided.al2023", "Handler": "bootstrap", "Code": {"ZipFile": packed()}, **members}
    return client.create_function(FunctionName=name, Role=ROLE, MemorySize=256, **members)


def invoke(name, payload, **members):
    answer = client.invoke(FunctionName=name, Payload=json.dumps(payload), **members)
    return answer, answer["Payload"].read()


# create, wait, get, list
made = create("f", Tags={"team": "data"}, Timeout=30, Environment={"Variables": {"AB": "1"}})
assert made["State"] == "Pending" and made["Version"] == "$LATEST" and made["CodeSize"] > 0, made
client.get_waiter("function_active_v2").wait(FunctionName="f")
got = client.get_function(FunctionName="f")
assert got["Configuration"]["State"] == "Active" and got["Tags"] == {"team": "data"}, got
assert got["Configuration"]["CodeSha256"] == made["CodeSha256"]
arn = got["Configuration"]["FunctionArn"]
assert arn == "arn:aws:lambda:us-east-1:000000000000:function:f"
refused("ResourceConflictException", 409, lambda: create("f"), "Function already exist: f")
refused("ResourceNotFoundException", 404, lambda: client.get_function(FunctionName="g"), "Function not found: " + arn[:-1] + "g")
refused("InvalidParameterValueException", 400, lambda: create("z", Code={"ZipFile": b"no zip"}), "Could not unzip")
refused("ValidationException", 400, lambda: create("z", Timeout=1000), "'timeout'")
assert [f["FunctionName"] for f in client.list_functions()["Functions"]] == ["f"]

# invoke: raw bytes both ways, the log's tail, errors with status 200
answer, body = invoke("f", {"do": "print", "text": "hello"}, LogType="Tail")
assert answer["StatusCode"] == 200 and answer["ExecutedVersion"] == "$LATEST" and "FunctionError" not in answer
assert json.loads(body)["event"]["text"] == "hello"
tail = base64.b64decode(answer["LogResult"]).decode()
assert "\nhello\n" in tail and tail.startswith("START RequestId: " + answer["ResponseMetadata"]["RequestId"]), tail
answer, body = invoke(arn, {"do": "fail"})
assert answer["FunctionError"] == "Unhandled" and json.loads(body)["errorType"] == "Own.Error"
answer = client.invoke(FunctionName="f", InvocationType="DryRun")
assert answer["StatusCode"] == 204
refused("InvalidRequestContentException", 400, lambda: client.invoke(FunctionName="f", Payload=b"{"))
refused("RequestTooLargeException", 413, lambda: client.invoke(FunctionName="f", Payload=b'"' + b"x" * 6291456 + b'"'))
refused("ResourceNotFoundException", 404, lambda: client.invoke(FunctionName="f", Qualifier="9", Payload=b"{}"))
context = base64.b64encode(json.dumps({"custom": {"a": 1}}).encode()).decode()
_, body = invoke("f", {"do": "env"}, ClientContext=context)
seen = json.loads(body)
assert json.loads(seen["headers"]["lambda-runtime-client-context"]) == {"custom": {"a": 1}}
assert seen["environment"]["AWS_ENDPOINT_URL"] == endpoint and seen["environment"]["AB"] == "1"
if os.getuid() == 0:
    assert seen["uid"] == 65534, seen["uid"]

# one process an invocation; a reservation throttles
with concurrent.futures.ThreadPoolExecutor() as pool:
    bodies = list(pool.map(lambda n: json.loads(invoke("f", {"do": "sleep", "seconds": 2, "n": n})[1]), range(3)))
assert len({body["pid"] for body in bodies}) == 3, bodies
client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=0)
response = refused("TooManyRequestsException", 429, lambda: invoke("f", {}), "Rate Exceeded")
assert response["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded", response
assert client.get_function_concurrency(FunctionName="f")["ReservedConcurrentExecutions"] == 0
client.delete_function_concurrency(FunctionName="f")

# a timeout, then a new process
client.update_function_configuration(FunctionName="f", Timeout=1)
client.get_waiter("function_updated_v2").wait(FunctionName="f")
answer, body = invoke("f", {"do": "sleep", "seconds": 60})
assert answer["FunctionError"] == "Unhandled" and json.loads(body)["errorType"] == "Sandbox.Timedout", body
assert json.loads(invoke("f", {})[1])["calls"] == 1

# output is in the log group
deadline = time.time() + 30
while True:
    events = logs.filter_log_events(logGroupName="/aws/lambda/f", filterPattern="hello")["events"] if any(
        group["logGroupName"] == "/aws/lambda/f" for group in logs.describe_log_groups()["logGroups"]) else []
    if events:
        break
    assert time.time() < deadline, "the output did not reach the log"
    time.sleep(0.05)
assert events[0]["message"] == "hello\n" and "[$LATEST]" in events[0]["logStreamName"]

# versions, aliases, permissions, tags
assert client.publish_version(FunctionName="f", Description="first")["Version"] == "1"
alias = client.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
assert alias["AliasArn"] == arn + ":live"
answer, _ = invoke("f", {}, Qualifier="live")
assert answer["ExecutedVersion"] == "1"
refused("ResourceConflictException", 409, lambda: client.delete_function(FunctionName="f", Qualifier="1"))
assert [a["Name"] for a in client.list_aliases(FunctionName="f")["Aliases"]] == ["live"]
assert [v["Version"] for v in client.list_versions_by_function(FunctionName="f")["Versions"]] == ["$LATEST", "1"]
client.delete_alias(FunctionName="f", Name="live")
client.add_permission(FunctionName="f", StatementId="s", Action="lambda:InvokeFunction", Principal="events.amazonaws.com")
assert json.loads(client.get_policy(FunctionName="f")["Policy"])["Statement"][0]["Sid"] == "s"
client.remove_permission(FunctionName="f", StatementId="s")
refused("ResourceNotFoundException", 404, lambda: client.get_policy(FunctionName="f"))
client.tag_resource(Resource=arn, Tags={"b": "2"})
client.untag_resource(Resource=arn, TagKeys=["team"])
assert client.list_tags(Resource=arn)["Tags"] == {"b": "2"}

# asynchronous
config = client.put_function_event_invoke_config(FunctionName="f", MaximumRetryAttempts=0, MaximumEventAgeInSeconds=60)
assert config["MaximumRetryAttempts"] == 0 and config["FunctionArn"] == arn + ":$LATEST"
assert client.get_function_event_invoke_config(FunctionName="f")["MaximumEventAgeInSeconds"] == 60
assert client.invoke(FunctionName="f", InvocationType="Event", Payload=b'{"do":"print","text":"later"}')["StatusCode"] == 202
deadline = time.time() + 30
while not logs.filter_log_events(logGroupName="/aws/lambda/f", filterPattern="later")["events"]:
    assert time.time() < deadline, "the asynchronous invocation did not run"
    time.sleep(0.05)

# event source mappings of a stream
tables = boto3.client("dynamodb", endpoint_url=endpoint)
stream = tables.create_table(
    TableName="Changes", BillingMode="PAY_PER_REQUEST",
    AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}], KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
)["TableDescription"]["LatestStreamArn"]
mapping = {"FunctionName": "f", "EventSourceArn": stream}
refused("InvalidParameterValueException", 400, lambda: client.create_event_source_mapping(**mapping), "startingPosition")
made = client.create_event_source_mapping(**mapping, StartingPosition="TRIM_HORIZON", BatchSize=5, Enabled=False,
                                          FilterCriteria={"Filters": [{"Pattern": "{}"}]})
assert made["State"] == "Creating" and made["BatchSize"] == 5, made
refused("ResourceConflictException", 409, lambda: client.create_event_source_mapping(**mapping, StartingPosition="LATEST"))
assert client.get_event_source_mapping(UUID=made["UUID"])["State"] == "Disabled"
assert client.update_event_source_mapping(UUID=made["UUID"], BatchSize=7)["BatchSize"] == 7
assert len(client.list_event_source_mappings(FunctionName="f")["EventSourceMappings"]) == 1
assert client.delete_event_source_mapping(UUID=made["UUID"])["State"] == "Deleting"
refused("ResourceNotFoundException", 404, lambda: client.get_event_source_mapping(UUID=made["UUID"]))

# a pipe gives it whole arrays
pipes = boto3.client("pipes", endpoint_url=endpoint)
pipes.create_pipe(
    Name="to-function", RoleArn=ROLE, Source=stream, Target=arn,
    SourceParameters={"DynamoDBStreamParameters": {"StartingPosition": "TRIM_HORIZON"}},
    TargetParameters={"InputTemplate": '{"seen": <$.dynamodb.Keys.id.S>}', "LambdaFunctionParameters": {"InvocationType": "REQUEST_RESPONSE"}},
)
tables.put_item(TableName="Changes", Item={"id": {"S": "item-1"}})
deadline = time.time() + 30
while not any('[{"seen": "item-1"}]' in event["message"] for event in logs.filter_log_events(
        logGroupName="/aws/lambda/f", filterPattern="batch")["events"]):
    assert time.time() < deadline, pipes.describe_pipe(Name="to-function")
    time.sleep(0.05)
pipes.delete_pipe(Name="to-function")

# an expression needs no process and no code
create("jq", Runtime="watershed.jq", Handler="{n: (.a + .b)}", Code={})
assert json.loads(invoke("jq", {"a": 1, "b": 2})[1]) == {"n": 3}

assert client.get_account_settings()["AccountUsage"]["FunctionCount"] == 2
client.delete_function(FunctionName="f")
refused("ResourceNotFoundException", 404, lambda: invoke("f", {}))
