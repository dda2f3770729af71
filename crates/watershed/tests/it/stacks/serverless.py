"""Serverless templates with the AWS CLI: packaged into a bucket of the lake, deployed, called, published again.

Usage: serverless.py BOOTSTRAP FOLDER [deployed]; the endpoint and key stand in the environment. With `deployed` the stack
`serverless` was made by `watershed deploy` and is only looked at.
"""

import json
import os
import shutil
import subprocess
import sys
import time

import boto3

bootstrap, folder = sys.argv[1:3]
functions, sqs, cloudformation = (boto3.client(name) for name in ("lambda", "sqs", "cloudformation"))
TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Globals: { Function: { Timeout: 20, Runtime: provided.al2023, Handler: bootstrap } }
Resources:
  Table: { Type: AWS::Serverless::SimpleTable, Properties: { TableName: simple } }
  Queue: { Type: AWS::SQS::Queue }
  Fn:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src
      AutoPublishAlias: live
      Policies: [DynamoDBReadPolicy: { TableName: !Ref Table }]
      EventInvokeConfig: { MaximumRetryAttempts: 0, DestinationConfig: { OnSuccess: { Type: SQS } } }
      Events:
        Bus: { Type: EventBridgeRule, Properties: { Pattern: { source: [org.example] } } }
        Hours: { Type: ScheduleV2, Properties: { ScheduleExpression: rate(1 hour), DeadLetterConfig: { Type: SQS } } }
Outputs:
  Alias: { Value: !Ref Fn.Alias }
  Role: { Value: !GetAtt FnRole.Arn }
  Done: { Value: !Ref FnEventInvokeConfigOnSuccessQueue }
"""


def aws(*arguments):
    program = os.path.join(os.path.dirname(sys.executable), "aws")
    done = subprocess.run([program, "cloudformation", *arguments], capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done
    return done.stdout


def deploy():
    aws("package", "--template-file", "serverless.yaml", "--s3-bucket", "code", "--output-template-file", "packaged.yaml")
    return aws("deploy", "--stack-name", "serverless", "--template-file", "packaged.yaml",
               "--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND", "--no-fail-on-empty-changeset")


def look():
    (stack,) = cloudformation.describe_stacks(StackName="serverless")["Stacks"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    answer = functions.invoke(FunctionName=outputs["Alias"], Payload=json.dumps({"n": 1}))
    assert "FunctionError" not in answer and json.loads(answer["Payload"].read())["event"] == {"n": 1}
    boto3.client("events").put_events(Entries=[{"Source": "org.example", "DetailType": "t", "Detail": '{"m": 2}'}])
    deadline = time.monotonic() + 60
    while not (found := sqs.receive_message(QueueUrl=outputs["Done"], WaitTimeSeconds=1).get("Messages")):
        assert time.monotonic() < deadline, "the function was not called"
    assert json.loads(found[0]["Body"])["requestPayload"]["detail"] == {"m": 2}, found
    return answer["ExecutedVersion"]


os.makedirs(os.path.join(folder, "src"), exist_ok=True)
shutil.copy(bootstrap, os.path.join(folder, "src", "bootstrap"))
os.chmod(os.path.join(folder, "src", "bootstrap"), 0o755)
with open(os.path.join(folder, "serverless.yaml"), "w") as file:
    file.write(TEMPLATE)
if sys.argv[3:] == ["deployed"]:
    look()
elif sys.argv[3:] != ["prepare"]:
    boto3.client("s3").create_bucket(Bucket="code")
    assert "Successfully created/updated stack - serverless" in deploy()
    assert look() == "1"
    assert "No changes to deploy" in deploy()
    summary = cloudformation.get_template_summary(StackName="serverless")
    assert summary["DeclaredTransforms"] == ["AWS::Serverless-2016-10-31"], summary
    assert "CAPABILITY_AUTO_EXPAND" in summary["Capabilities"], summary
    body = cloudformation.get_template(StackName="serverless", TemplateStage="Processed")["TemplateBody"]
    assert "AWS::Serverless::" not in str(body) and "FnRole" in str(body), body
    body = cloudformation.get_template(StackName="serverless")["TemplateBody"]
    assert "AWS::Serverless::Function" in str(body), body
    # Other code is another version, to which the alias moves.
    with open(os.path.join(folder, "src", "bootstrap"), "a") as file:
        file.write("\n# changed\n")
    deploy()
    assert look() == "2"
    # A path is of no use to a server that was not told of it.
    try:
        cloudformation.create_stack(StackName="unpackaged", TemplateBody=TEMPLATE)
        raise AssertionError("refused expected")
    except cloudformation.exceptions.ClientError as error:
        assert "Resource with id [Fn] is invalid" in str(error), error
