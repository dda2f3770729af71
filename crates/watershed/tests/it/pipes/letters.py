"""Fills the dead-letter queue `dead` with what a pipe, a rule, a function and a queue could not deliver.

Usage: letters.py ENDPOINT DATA
"""

import json
from datetime import datetime, timedelta, timezone

from client import ROLE, STREAM, arn, client, pipe, put, queue, table, until

events, functions, sqs = client("events"), client("lambda"), client("sqs")
dead = queue("dead")
url = sqs.get_queue_url(QueueName="dead")["QueueUrl"]


def letters():
    shown = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
    return int(shown["Attributes"]["ApproximateNumberOfMessages"])


def arrived(count):
    until(f"{count} letters", lambda: letters() == count)


def failing(name):
    functions.create_function(FunctionName=name, Runtime="watershed.jq", Handler='error("down")', Role=ROLE, Code={})
    return arn("lambda", f"function:{name}")


# A pipe whose function fails.
stream = table("Patients")
source = STREAM["DynamoDBStreamParameters"] | {"DeadLetterConfig": {"Arn": dead}, "MaximumRetryAttempts": 1}
pipe("patients", stream, failing("of-pipe"), SourceParameters={"DynamoDBStreamParameters": source})
put("Patients", id="secret")
arrived(1)

# A rule whose target is not there.
events.put_rule(Name="visits", EventPattern='{"source":["clinic"]}')
target = {"Id": "q", "Arn": arn("sqs", "not-yet"), "DeadLetterConfig": {"Arn": dead}}
events.put_targets(Rule="visits", Targets=[target])
events.put_events(Entries=[{"Source": "clinic", "DetailType": "Visit", "Detail": json.dumps({"who": "secret"})}])
arrived(2)

# A function that fails asynchronously: its dead-letter queue and its destination.
failing("later")
functions.update_function_configuration(FunctionName="later", DeadLetterConfig={"TargetArn": dead})
failing("later-too")
functions.put_function_event_invoke_config(
    FunctionName="later-too", MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": dead}}
)
functions.put_function_event_invoke_config(FunctionName="later", MaximumRetryAttempts=0)
for name in ("later", "later-too"):
    functions.invoke(FunctionName=name, InvocationType="Event", Payload=json.dumps({"of": name, "who": "secret"}))
arrived(4)
message = until(
    "the letter of the function",
    lambda: [
        found
        for found in sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0, MessageAttributeNames=["All"]
        ).get("Messages", [])
        if "RequestID" in found.get("MessageAttributes", {})
    ],
)[0]
assert json.loads(message["Body"])["of"] == "later", message
assert message["MessageAttributes"]["ErrorCode"]["StringValue"] == "200", message

# A queue that nobody managed to work off.
policy = json.dumps({"deadLetterTargetArn": dead, "maxReceiveCount": 1})
queue("work", RedrivePolicy=policy, VisibilityTimeout="0")
work = sqs.get_queue_url(QueueName="work")["QueueUrl"]
sqs.send_message(QueueUrl=work, MessageBody="secret work")
until("the message goes", lambda: sqs.receive_message(QueueUrl=work) and letters() == 5)

# A schedule whose target is not there.
client("scheduler").create_schedule(
    Name="reminder",
    ScheduleExpression="rate(1 minutes)",
    StartDate=datetime.now(timezone.utc) + timedelta(seconds=1),
    EndDate=datetime.now(timezone.utc) + timedelta(seconds=3),
    FlexibleTimeWindow={"Mode": "OFF"},
    Target={"Arn": arn("sqs", "not-yet"), "RoleArn": ROLE, "Input": '{"remind":"secret"}', "DeadLetterConfig": {"Arn": dead}},
)
arrived(6)

# An event source mapping whose function fails.
functions.create_event_source_mapping(
    FunctionName=failing("of-mapping"),
    EventSourceArn=stream,
    StartingPosition="TRIM_HORIZON",
    MaximumRetryAttempts=0,
    DestinationConfig={"OnFailure": {"Destination": dead}},
)
arrived(7)
