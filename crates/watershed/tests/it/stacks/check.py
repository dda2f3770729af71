"""Stacks with boto3 and the AWS CLI: templates, updates, tags, secrets, exports, nested stacks, refusals.

Usage: check.py FOLDER (for templates); the endpoint and key stand in the environment.
"""

import json
import os
import subprocess
import sys
import time

import boto3
from botocore.exceptions import ClientError

folder = sys.argv[1]
cloudformation = boto3.client("cloudformation")
dynamodb = boto3.client("dynamodb")


def settled(name):
    deadline = time.monotonic() + 60
    while True:
        stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        if not stack["StackStatus"].endswith("IN_PROGRESS"):
            return stack
        assert time.monotonic() < deadline, stack
        time.sleep(0.05)


def body(resources, **sections):
    return json.dumps({"Resources": resources, **sections})


def create(name, template, status="CREATE_COMPLETE", **more):
    stack = cloudformation.create_stack(StackName=name, TemplateBody=template, **more)["StackId"]
    found = settled(stack)
    assert found["StackStatus"] == status, (found, reasons(stack))
    return found


def update(name, template, status="UPDATE_COMPLETE", **more):
    cloudformation.update_stack(StackName=name, TemplateBody=template, **more)
    found = settled(name)
    assert found["StackStatus"] == status, (found, reasons(name))
    return found


def delete(name, status="DELETE_COMPLETE", **more):
    stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackId"]
    cloudformation.delete_stack(StackName=name, **more)
    found = settled(stack)
    assert found["StackStatus"] == status, (found, reasons(stack))


def events(name):
    return cloudformation.describe_stack_events(StackName=name)["StackEvents"]


def reasons(name):
    return [event.get("ResourceStatusReason", "") for event in events(name)]


def refused(call, *texts):
    try:
        answer = call()
    except ClientError as error:
        message = error.response["Error"]["Message"]
        assert error.response["Error"]["Code"] == "ValidationError", error
        assert all(text in message for text in texts), (texts, message)
        return
    raise AssertionError(f"{texts} expected, got {answer}")


def aws(*arguments, fails=False):
    program = os.path.join(os.path.dirname(sys.executable), "aws")
    done = subprocess.run([program, *arguments], capture_output=True, text=True)
    assert (done.returncode != 0) == fails, done
    return done.stdout + done.stderr


def table(name=None, **more):
    properties = {
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    }
    return {"Type": "AWS::DynamoDB::Table", "Properties": {**properties, **({"TableName": name} if name else {})}, **more}


def group(name, days=1, **more):
    return {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": name, "RetentionInDays": days}, **more}


def tags(name):
    arn = dynamodb.describe_table(TableName=name)["Table"]["TableArn"]
    return {tag["Key"]: tag["Value"] for tag in dynamodb.list_tags_of_resource(ResourceArn=arn)["Tags"]}


# The AWS CLI, twice: the second time there is nothing to do.
site = os.path.join(folder, "site.yaml")
with open(site, "w") as file:
    file.write("""
AWSTemplateFormatVersion: '2010-09-09'
Parameters:
  Stage: { Type: String, Default: prod, AllowedValues: [prod, test] }
  Secret: { Type: String, NoEcho: true }
  BootstrapVersion: { Type: AWS::SSM::Parameter::Value<String>, Default: /cdk-bootstrap/hnb659fds/version }
Rules:
  CheckBootstrapVersion:
    Assertions:
      - Assert: { 'Fn::Not': [ { 'Fn::Contains': [ ['1', '2'], !Ref BootstrapVersion ] } ] }
        AssertDescription: too old
Mappings: { Days: { prod: { keep: 7 }, test: { keep: 1 } } }
Conditions: { IsTest: !Equals [!Ref Stage, test] }
Resources:
  Visits:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: !Sub '${AWS::StackName}-visits'
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{ AttributeName: id, AttributeType: S }]
      KeySchema: [{ AttributeName: id, KeyType: HASH }]
      StreamSpecification: !If [IsTest, !Ref AWS::NoValue, { StreamViewType: NEW_IMAGE }]
  Log:
    Type: AWS::Logs::LogGroup
    DependsOn: Visits
    Properties:
      LogGroupName: !Join ['-', [!Ref 'AWS::StackName', !Select [1, !Split [',', 'a,log']]]]
      RetentionInDays: !FindInMap [Days, !Ref Stage, keep]
  OnlyInTest: { Type: AWS::S3::Bucket, Condition: IsTest }
Outputs:
  Arn: { Value: !GetAtt Visits.Arn, Export: { Name: !Sub '${AWS::StackName}-arn' } }
  LogArn: { Value: !GetAtt Log.Arn }
""")
deploy = ["cloudformation", "deploy", "--stack-name", "site", "--template-file", site,
          "--parameter-overrides", "Secret=hunter2hunter2", "--tags", "team=water"]
assert "Successfully created/updated stack - site" in aws(*deploy)
assert "No changes to deploy" in aws(*deploy, "--no-fail-on-empty-changeset")
stack = settled("site")
outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
assert outputs["LogArn"].endswith(":log-group:site-log:*"), outputs
values = {one["ParameterKey"]: one["ParameterValue"] for one in stack["Parameters"]}
assert values["Secret"] == "****" and values["Stage"] == "prod", values
assert "hunter2" not in aws("cloudformation", "describe-change-set", "--stack-name", "site", "--change-set-name",
                            cloudformation.list_change_sets(StackName="site")["Summaries"][0]["ChangeSetName"])
assert tags("site-visits") == {"team": "water"}
assert dynamodb.describe_table(TableName="site-visits")["Table"]["StreamSpecification"]["StreamViewType"] == "NEW_IMAGE"
order = [(event["LogicalResourceId"], event["ResourceStatus"]) for event in reversed(events("site"))]
assert order[0] == ("site", "REVIEW_IN_PROGRESS") and order[1] == ("site", "CREATE_IN_PROGRESS"), order
assert order[2:] == [("Visits", "CREATE_IN_PROGRESS"), ("Visits", "CREATE_COMPLETE"), ("Log", "CREATE_IN_PROGRESS"),
                     ("Log", "CREATE_COMPLETE"), ("site", "CREATE_COMPLETE")], order

# An update keeps what it does not say: tags, parameters; a change of tags reaches the resources.
keep = [{"ParameterKey": "Secret", "UsePreviousValue": True}]
refused(lambda: cloudformation.update_stack(StackName="site", UsePreviousTemplate=True, Parameters=keep),
        "No updates are to be performed.")
cloudformation.update_stack(StackName="site", UsePreviousTemplate=True, Parameters=keep,
                            Tags=[{"Key": "cost", "Value": "7"}])
assert settled("site")["Tags"] == [{"Key": "cost", "Value": "7"}]
assert tags("site-visits") == {"cost": "7"}
assert boto3.client("logs").list_tags_log_group(logGroupName="site-log")["tags"] == {"cost": "7"}

# A change set says what it will do; `--no-execute-changeset` leaves it undone.
cloudformation.create_change_set(StackName="site", ChangeSetName="test", UsePreviousTemplate=True, Parameters=[
    *keep, {"ParameterKey": "Stage", "ParameterValue": "test"}])
changes = cloudformation.describe_change_set(StackName="site", ChangeSetName="test")["Changes"]
changes = {one["ResourceChange"]["LogicalResourceId"]: one["ResourceChange"] for one in changes}
assert changes["Visits"]["Action"] == "Modify" and changes["Visits"]["Replacement"] == "False", changes
assert changes["OnlyInTest"]["Action"] == "Add" and changes["Log"]["Action"] == "Modify", changes
cloudformation.execute_change_set(StackName="site", ChangeSetName="test")
assert settled("site")["StackStatus"] == "UPDATE_COMPLETE", reasons("site")
assert not dynamodb.describe_table(TableName="site-visits")["Table"].get("StreamSpecification", {}).get("StreamEnabled")

# Exports in use stay; names are exported once.
user = body({"Log": group("user")}, Outputs={"Arn": {"Value": {"Fn::ImportValue": "site-arn"}}})
create("user", user)
assert cloudformation.list_imports(ExportName="site-arn")["Imports"] == ["user"]
delete("site", status="UPDATE_COMPLETE")
assert "Delete canceled. Cannot delete export site-arn as it is in use by user." in reasons("site")
bare = body({"Log": group("site-log")})
update("site", bare, status="UPDATE_ROLLBACK_COMPLETE")
assert "Export site-arn cannot be deleted as it is in use by user" in reasons("site"), reasons("site")
assert tags("site-visits") == {"cost": "7"}
twice = body({"Log": group("twice")}, Outputs={"A": {"Value": "x", "Export": {"Name": "site-arn"}}})
create("twice", twice, status="ROLLBACK_COMPLETE")
assert "Export with name site-arn is already exported by stack site." in reasons("twice"), reasons("twice")
delete("user")
refused(lambda: cloudformation.list_imports(ExportName="site-arn"), "not imported by any stack")
create("nobody", body({"Log": group("nobody", DependsOn=[])}, Outputs={"A": {"Value": {"Fn::ImportValue": "none"}}}),
       status="ROLLBACK_COMPLETE")
assert "No export named none found." in reasons("nobody"), reasons("nobody")
delete("site")

# In place, replaced, retained, rolled back.
create("change", body({"T": table("one"), "G": group("kept", DeletionPolicy="Retain")}))
made = dynamodb.describe_table(TableName="one")["Table"]["CreationDateTime"]
update("change", body({"T": table("one"), "G": group("kept", 3, DeletionPolicy="Retain")}))
assert dynamodb.describe_table(TableName="one")["Table"]["CreationDateTime"] == made
update("change", body({"T": table("two", UpdateReplacePolicy="Retain")}))
assert sorted(dynamodb.list_tables()["TableNames"]) == ["one", "two"] or dynamodb.delete_table(TableName="one")
wrong = table("three")
wrong["Properties"]["KeySchema"] = [{"AttributeName": "nothing", "KeyType": "HASH"}]
update("change", body({"New": table("four"), "T": wrong}), status="UPDATE_ROLLBACK_COMPLETE")
assert "two" in dynamodb.list_tables()["TableNames"] and "four" not in dynamodb.list_tables()["TableNames"]
refused(lambda: cloudformation.update_stack(StackName="change", TemplateBody=body({"T": table("two", UpdateReplacePolicy="Retain")})),
        "No updates are to be performed.")
delete("change")
assert "two" not in dynamodb.list_tables()["TableNames"]
assert [one["logGroupName"] for one in boto3.client("logs").describe_log_groups()["logGroups"]] == ["kept"]

# A secret that a service refuses is not told.
named = body({"T": {**table(), "Properties": {**table()["Properties"], "TableName": {"Ref": "Name"}}}},
             Parameters={"Name": {"Type": "String", "NoEcho": "true"}})
create("secret", named, status="ROLLBACK_COMPLETE",
       Parameters=[{"ParameterKey": "Name", "ParameterValue": "hunter2hunter2 /!"}])
assert not any("hunter2" in reason for reason in reasons("secret")), reasons("secret")

# Nested stacks: parameters in, outputs out; a child that fails takes its parent back.
child = os.path.join(folder, "child.json")


def write_child(name, **more):
    with open(child, "w") as file:
        file.write(body({"T": table(**({"name": name} if name else {}), **more)}, Parameters={"P": {"Type": "String"}},
                        Outputs={"Echo": {"Value": {"Fn::Sub": "${P}!"}}}))


parent = body(
    {"Child": {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": child, "Parameters": {"P": "hello"}}},
     "Log": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": {"Fn::GetAtt": ["Child", "Outputs.Echo"]}}}})
parent = parent.replace('["Child", "Outputs.Echo"]}', '["Child", "Outputs.Echo"]}').replace(
    '{"LogGroupName": {"Fn::GetAtt": ["Child", "Outputs.Echo"]}}',
    '{"LogGroupName": {"Fn::Select": [0, {"Fn::Split": ["!", {"Fn::GetAtt": ["Child", "Outputs.Echo"]}]}]}}')
write_child("nested")
create("parent", parent, Tags=[{"Key": "team", "Value": "nest"}])
inner = [one for one in cloudformation.describe_stacks()["Stacks"] if one.get("ParentId")]
assert len(inner) == 1 and inner[0]["ParentId"] == settled("parent")["StackId"], inner
assert tags("nested") == {"team": "nest"}
assert "hello" in [one["logGroupName"] for one in boto3.client("logs").describe_log_groups()["logGroups"]]
write_child("renamed")
update("parent", parent)
assert "renamed" in dynamodb.list_tables()["TableNames"] and "nested" not in dynamodb.list_tables()["TableNames"]
write_child("wrong name")
update("parent", parent, status="UPDATE_ROLLBACK_COMPLETE")
assert "renamed" in dynamodb.list_tables()["TableNames"]
delete("parent")
assert "renamed" not in dynamodb.list_tables()["TableNames"]
removed = [event["LogicalResourceId"] for event in reversed(events(settled(inner[0]["ParentId"])["StackId"]))
           if event["ResourceStatus"] == "DELETE_COMPLETE"]
assert removed[-3:] == ["Log", "Child", "parent"], removed
write_child("wrong name")
create("parent", parent, status="ROLLBACK_COMPLETE")
assert any("Embedded stack" in reason for reason in reasons("parent")), reasons("parent")
with open(child, "w") as file:
    file.write(body({"Self": {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": child}}}))
create("endless", body({"Self": {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": child}}}),
       status="ROLLBACK_COMPLETE")
assert [one["StackName"] for one in cloudformation.describe_stacks()["Stacks"] if one.get("ParentId")] == []

# What is refused before anything is made.
bad = [
    ("Resources:\n  A:\n   Type: [\n", "YAML not well-formed. (line"),
    ('{"Resources": {\n"A": ]}', "JSON not well-formed. (line 2"),
    (body({f"R{n}": group(f"g{n}") for n in range(501)}), "Number of resources, 501, is greater than maximum allowed, 500"),
    (body({"A": {"Type": "AWS::Other::Thing"}, "B": group("b")}), "[AWS::Other::Thing]", "AWS::DynamoDB::Table"),
    (body({"A": group("a")}, Outputs={"X": {"Value": {"Ref": "Z"}}}), "[Z] in the Outputs block"),
    (body({"A": group({"Fn::Transform": {"Name": "x"}})}), "Fn::Transform is not supported"),
    (body({"A": group({"Fn::Length": [1]})}), "AWS::LanguageExtensions"),
    (body({"A": group({"Fn::FindInMap": ["M", "a", "b"]})}), "Mapping named 'M' is not present"),
    (body({"Fn::ForEach::X": ["I", ["a"], {"G${I}": group("a")}]}, Transform="AWS::LanguageExtensions"), "Fn::ForEach"),
    (body({"A": group("a")}, Transform="Other"), "transform Other is not supported"),
    (body({"A": group("a", Condition="No")}), "Unresolved condition dependency No"),
    (body({"A": group("a")}, Rules={"R": {"Assertions": [{"Assert": {"Fn::Equals": ["a", "b"]}, "AssertDescription": "never"}]}}),
     "never"),
    (body({"A": group({"Ref": "Z"})}), "Unresolved resource dependencies [Z] in the Resources block"),
    (body({"A": group({"Fn::GetAtt": ["P", "Arn"]})}, Parameters={"P": {"Type": "String"}}),
     "Template error: instance of Fn::GetAtt references undefined resource P"),
    (body({"A": group("a", Typo=1)}), "Invalid template resource property 'Typo'"),
]
for template, *texts in bad:
    refused(lambda: cloudformation.create_stack(StackName="bad", TemplateBody=template), *texts)
refused(lambda: cloudformation.describe_stacks(StackName="bad"), "does not exist")
wrong = "1 validation error detected: Value '{}' at '{}' failed to satisfy constraint: Member must "
for name, must in [("1_a", "satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*"), ("a" * 129, "have length less than or equal to 128")]:
    refused(lambda: cloudformation.create_stack(StackName=name, TemplateBody=body({"A": group("a")})), wrong.format(name, "stackName") + must)
    refused(lambda: cloudformation.create_change_set(
        StackName="bad", ChangeSetName=name, ChangeSetType="CREATE", TemplateBody=body({"A": group("a")})), wrong.format(name, "changeSetName") + must)
refused(lambda: cloudformation.create_stack(StackName="bad", TemplateBody=body({"A": group("a")}), TimeoutInMinutes=5), "TimeoutInMinutes")
# A template in the lake, by any URL of it, and what is told of it undeployed.
s3 = boto3.client("s3")
s3.create_bucket(Bucket="templates")
described = {"A": group("a", Description="only for readers")}
s3.put_object(Bucket="templates", Key="a b/t.json", Body=body(described, Parameters={"P": {"Type": "String", "AllowedValues": ["x", "y"]}}))
for url in (f"{s3.meta.endpoint_url}/templates/a%20b/t.json", "https://templates.s3.us-east-1.amazonaws.com/a%20b/t.json",
            s3.generate_presigned_url("get_object", Params={"Bucket": "templates", "Key": "a b/t.json"})):
    summary = cloudformation.get_template_summary(TemplateURL=url)
    assert summary["Parameters"][0]["ParameterConstraints"] == {"AllowedValues": ["x", "y"]}, summary
    assert "Version" not in summary, summary
assert "line 2" in aws("cloudformation", "validate-template", "--template-body", '{"Resources": {\n"A": ]}', fails=True)
extended = body(
    {"A": group("three", {"Fn::FindInMap": ["M", "a", "b", {"DefaultValue": {"Fn::Length": [1, 2, 3]}}]})},
    Mappings={"M": {"x": {"y": 1}}}, Transform="AWS::LanguageExtensions",
    Outputs={"Json": {"Value": {"Fn::ToJsonString": {"a": [{"Ref": "AWS::Region"}, {"Ref": "AWS::NoValue"}]}}},
             "Cidr": {"Value": {"Fn::Join": [" ", {"Fn::Cidr": ["10.0.0.0/24", 2, 5]}]}}})
found = {one["OutputKey"]: one["OutputValue"] for one in create("extended", extended)["Outputs"]}
assert json.loads(found["Json"]) == {"a": ["us-east-1"]} and found["Cidr"] == "10.0.0.0/27 10.0.0.32/27", found

# Protection, and a bucket that is not empty.
cloudformation.update_termination_protection(StackName="extended", EnableTerminationProtection=True)
refused(lambda: cloudformation.delete_stack(StackName="extended"), "TerminationProtection is enabled")
cloudformation.update_termination_protection(StackName="extended", EnableTerminationProtection=False)
delete("extended")
