"""Roles, policies, AssumeRole; leaves a session in DATA/session.json.

Usage: roles.py ENDPOINT DATA
"""

import json
import pathlib
import subprocess
import sys
import urllib.request

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

endpoint, data = sys.argv[1:3]
TRUST = {"Version": "2012-10-17", "Statement": [{
    "Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}
READ = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}


def client(service, session=None, **options):
    keys = {} if session is None else {
        "aws_access_key_id": session["AccessKeyId"], "aws_secret_access_key": session["SecretAccessKey"],
        "aws_session_token": session["SessionToken"]}
    return boto3.client(service, endpoint_url=endpoint, region_name="us-east-1", **keys, **options)


def refused(code, call, text="", **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error.response
        assert text in error.response["Error"]["Message"], error.response
    else:
        raise AssertionError(f"{code} was expected")


iam, sts = client("iam"), client("sts")
role = iam.create_role(RoleName="reader", Path="/clinic/", AssumeRolePolicyDocument=json.dumps(TRUST),
                       MaxSessionDuration=7200, Tags=[{"Key": "team", "Value": "a b"}])["Role"]
assert role["Arn"] == "arn:aws:iam::000000000000:role/clinic/reader", role
assert role["AssumeRolePolicyDocument"] == TRUST, role
assert iam.get_role(RoleName="reader")["Role"]["RoleId"] == role["RoleId"]
refused("EntityAlreadyExists", iam.create_role, RoleName="reader", AssumeRolePolicyDocument=json.dumps(TRUST))
refused("MalformedPolicyDocument", iam.create_role, RoleName="other", AssumeRolePolicyDocument="{")
refused("NoSuchEntity", iam.get_role, RoleName="nobody")
for name in "bcd":
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
pages = iam.get_paginator("list_roles").paginate(PaginationConfig={"PageSize": 2})
assert [r["RoleName"] for page in pages for r in page["Roles"]] == ["b", "c", "d", "reader"]
assert [r["RoleName"] for r in iam.list_roles(PathPrefix="/clinic/")["Roles"]] == ["reader"]

iam.put_role_policy(RoleName="reader", PolicyName="inline", PolicyDocument=json.dumps(READ))
assert iam.get_role_policy(RoleName="reader", PolicyName="inline")["PolicyDocument"] == READ
policy = iam.create_policy(PolicyName="objects", PolicyDocument=json.dumps(READ), Description="of the lake")["Policy"]
second = iam.create_policy_version(PolicyArn=policy["Arn"], PolicyDocument=json.dumps(READ), SetAsDefault=True)
assert second["PolicyVersion"]["VersionId"] == "v2"
found = iam.get_policy_version(PolicyArn=policy["Arn"], VersionId="v2")["PolicyVersion"]
assert found["Document"] == READ and found["IsDefaultVersion"], found
refused("DeleteConflict", iam.delete_policy_version, PolicyArn=policy["Arn"], VersionId="v2")
of_aws = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
for arn in (policy["Arn"], of_aws):
    iam.attach_role_policy(RoleName="reader", PolicyArn=arn)
attached = iam.list_attached_role_policies(RoleName="reader")["AttachedPolicies"]
assert {p["PolicyName"] for p in attached} == {"objects", "AWSLambdaBasicExecutionRole"}, attached
assert iam.get_policy(PolicyArn=policy["Arn"])["Policy"]["AttachmentCount"] == 1
assert iam.list_entities_for_policy(PolicyArn=policy["Arn"])["PolicyRoles"][0]["RoleName"] == "reader"
refused("DeleteConflict", iam.delete_role, RoleName="reader")
refused("DeleteConflict", iam.delete_policy, PolicyArn=policy["Arn"])

# The AWS CLI assumes the role; its session works for every protocol.
command = [sys.executable, "-m", "awscli", "sts", "assume-role", "--role-arn", role["Arn"], "--role-session-name", "me",
           "--duration-seconds", "900", "--endpoint-url", endpoint, "--output", "json"]
assumed = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
assert assumed["AssumedRoleUser"]["Arn"] == "arn:aws:sts::000000000000:assumed-role/reader/me", assumed
session = assumed["Credentials"]
caller = client("sts", session).get_caller_identity()
assert caller["Arn"] == assumed["AssumedRoleUser"]["Arn"] and caller["UserId"] == f"{role['RoleId']}:me", caller
assert client("sts").get_caller_identity()["Arn"] == "arn:aws:iam::000000000000:root"
client("dynamodb", session).list_tables()
client("sqs", session).list_queues()
client("lambda", session).list_functions()
s3 = client("s3", session, config=Config(signature_version="s3v4"))
s3.create_bucket(Bucket="sessions")
s3.put_object(Bucket="sessions", Key="a", Body=b"x")
url = s3.generate_presigned_url("get_object", Params={"Bucket": "sessions", "Key": "a"})
assert urllib.request.urlopen(url).read() == b"x"
url = client("sts", session).generate_presigned_url("get_caller_identity", HttpMethod="GET")
assert b"assumed-role/reader/me" in urllib.request.urlopen(url).read()

# Neither without its token nor with another one.
for wrong in ("", session["SessionToken"][:-4] + "AAAA"):
    stolen = {**session, "SessionToken": wrong}
    refused("UnrecognizedClientException", client("dynamodb", stolen).list_tables)
    refused("InvalidClientTokenId", client("sts", stolen).get_caller_identity)
    try:
        client("s3", stolen).list_buckets()
    except ClientError as error:
        assert error.response["Error"]["Code"] in ("InvalidToken", "AccessDenied"), error.response
    else:
        raise AssertionError("S3 took a session without its token")
refused("AccessDenied", sts.assume_role, RoleArn=role["Arn"] + "x", RoleSessionName="me")
refused("ValidationError", sts.assume_role, RoleArn=role["Arn"], RoleSessionName="me", DurationSeconds=7201)
for name, must in [("m" * 65, "have length less than or equal to 64"), ("m e", "satisfy regular expression pattern: [\\w+=,.@-]*")]:
    text = f"1 validation error detected: Value '{name}' at 'roleSessionName' failed to satisfy constraint: Member must {must}"
    refused("ValidationError", sts.assume_role, text, RoleArn=role["Arn"], RoleSessionName=name)
own = sts.get_session_token(DurationSeconds=900)["Credentials"]
assert client("sts", own).get_caller_identity()["Arn"] == "arn:aws:iam::000000000000:root"
pathlib.Path(data).parent.joinpath("session.json").write_text(json.dumps(session))
