"""What roles.py made is there after a kill, its session too; then it is removed, and its session with it.

Usage: restarted.py ENDPOINT DATA
"""

import json
import pathlib
import sys

import boto3
from botocore.exceptions import ClientError

endpoint, data = sys.argv[1:3]
session = json.loads(pathlib.Path(data).parent.joinpath("session.json").read_text())
sts = boto3.client("sts", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id=session["AccessKeyId"],
                   aws_secret_access_key=session["SecretAccessKey"], aws_session_token=session["SessionToken"])
assert sts.get_caller_identity()["Arn"].endswith(":assumed-role/reader/me")
iam = boto3.client("iam", endpoint_url=endpoint, region_name="us-east-1")
assert iam.list_role_tags(RoleName="reader")["Tags"] == [{"Key": "team", "Value": "a b"}]
for policy in iam.list_attached_role_policies(RoleName="reader")["AttachedPolicies"]:
    iam.detach_role_policy(RoleName="reader", PolicyArn=policy["PolicyArn"])
iam.delete_role_policy(RoleName="reader", PolicyName="inline")
iam.delete_role(RoleName="reader")
try:
    sts.get_caller_identity()
except ClientError as error:
    assert error.response["Error"]["Code"] == "InvalidClientTokenId", error.response
else:
    raise AssertionError("a session outlived its role")
arn = "arn:aws:iam::000000000000:policy/objects"
iam.delete_policy_version(PolicyArn=arn, VersionId="v1")
iam.delete_policy(PolicyArn=arn)
assert iam.list_policies(Scope="Local")["Policies"] == []
assert [role["RoleName"] for role in iam.list_roles()["Roles"]] == ["b", "c", "d"]
