"""Roles and policies of a stack: made, changed in place, removed.

Usage: stack.py ENDPOINT DATA
"""

import json
import sys

import boto3

endpoint = sys.argv[1]
iam, stacks = (boto3.client(name, endpoint_url=endpoint, region_name="us-east-1") for name in ("iam", "cloudformation"))


def document(action):
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]}


def template(action, managed, inline):
    trust = {"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
    return json.dumps({
        "Resources": {
            "Role": {"Type": "AWS::IAM::Role", "Properties": {
                "AssumeRolePolicyDocument": trust, "ManagedPolicyArns": managed,
                "Policies": [{"PolicyName": name, "PolicyDocument": document(action)} for name in inline]}},
            "Default": {"Type": "AWS::IAM::Policy", "Properties": {
                "PolicyName": "default", "PolicyDocument": document(action), "Roles": [{"Ref": "Role"}]}},
            "Shared": {"Type": "AWS::IAM::ManagedPolicy", "Properties": {
                "PolicyDocument": document(action), "Roles": [{"Ref": "Role"}]}},
        },
        "Outputs": {
            "Name": {"Value": {"Ref": "Role"}}, "Arn": {"Value": {"Fn::GetAtt": ["Role", "Arn"]}},
            "Id": {"Value": {"Fn::GetAtt": ["Role", "RoleId"]}}, "Policy": {"Value": {"Ref": "Shared"}}},
    })


def check(action, managed, inline):
    outputs = stacks.describe_stacks(StackName="access")["Stacks"][0]["Outputs"]
    out = {output["OutputKey"]: output["OutputValue"] for output in outputs}
    role = iam.get_role(RoleName=out["Name"])["Role"]
    assert (role["Arn"], role["RoleId"]) == (out["Arn"], out["Id"]), (role, out)
    attached = iam.list_attached_role_policies(RoleName=out["Name"])["AttachedPolicies"]
    assert {policy["PolicyArn"] for policy in attached} == {*managed, out["Policy"]}, attached
    assert iam.list_role_policies(RoleName=out["Name"])["PolicyNames"] == sorted([*inline, "default"])
    for name in [*inline, "default"]:
        found = iam.get_role_policy(RoleName=out["Name"], PolicyName=name)["PolicyDocument"]
        assert found == document(action), found
    version = iam.get_policy(PolicyArn=out["Policy"])["Policy"]["DefaultVersionId"]
    found = iam.get_policy_version(PolicyArn=out["Policy"], VersionId=version)["PolicyVersion"]["Document"]
    assert found == document(action), found
    return out


first, second = (f"arn:aws:iam::aws:policy/{name}" for name in ("One", "Two"))
stacks.create_stack(StackName="access", TemplateBody=template("s3:Get*", [first], ["a", "b"]),
                    Capabilities=["CAPABILITY_IAM"])
stacks.get_waiter("stack_create_complete").wait(StackName="access", WaiterConfig={"Delay": 1})
made = check("s3:Get*", [first], ["a", "b"])
stacks.update_stack(StackName="access", TemplateBody=template("s3:Put*", [second], ["b", "c"]),
                    Capabilities=["CAPABILITY_IAM"])
stacks.get_waiter("stack_update_complete").wait(StackName="access", WaiterConfig={"Delay": 1})
assert check("s3:Put*", [second], ["b", "c"]) == made
# What somebody took away by hand does not stop the removal of the rest.
iam.detach_role_policy(RoleName=made["Name"], PolicyArn=second)
stacks.delete_stack(StackName="access")
stacks.get_waiter("stack_delete_complete").wait(StackName="access", WaiterConfig={"Delay": 1})
assert iam.list_roles()["Roles"] == [] and iam.list_policies(Scope="Local")["Policies"] == []
