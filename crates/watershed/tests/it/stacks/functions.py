"""What the stack of `functions.yaml` makes of items: FHIR Patients, events by type, readings for the lake.

Usage: functions.py use|delete; the endpoint and key stand in the environment. What lies in the lake is looked at by the caller.
"""

import json
import sys
import time

import boto3

cloudformation, dynamodb, logs, sqs = (boto3.client(name) for name in ("cloudformation", "dynamodb", "logs", "sqs"))


def put(table, **item):
    dynamodb.put_item(TableName=table, Item={name: value if isinstance(value, dict) else {"S": value} for name, value in item.items()})


def messages(queue, count):
    url, found = sqs.get_queue_url(QueueName=queue)["QueueUrl"], []
    deadline = time.monotonic() + 60
    while len(found) < count:
        assert time.monotonic() < deadline, (queue, found)
        found += sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages", [])
    return [json.loads(message["Body"]) for message in found]


if sys.argv[1] == "delete":
    stack = cloudformation.describe_stacks(StackName="functions")["Stacks"][0]["StackId"]
    cloudformation.delete_stack(StackName="functions")
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})
    sys.exit()

put("People", id="a", firstName="Ann", lastName="Lee", birthDate="not a date")
put("People", id="b", firstName="Bea", lastName="Lee", birthDate="07-13-1991")
(letter,) = messages("letters", 1)
assert "error=`Refused.birthDate`" in letter["error"] and "not a date" not in letter["error"], letter["error"]
deadline = time.monotonic() + 60
while not (found := logs.filter_log_events(logGroupName="patients")["events"]):
    assert time.monotonic() < deadline, "no patient"
    time.sleep(0.05)
(event,) = found
patient = json.loads(event["message"])["details"]["entity"]
assert event["logStreamName"] == "patients" and (patient["id"], patient["birthDate"]) == ("b", "1991-07-13"), event

put("Mixed", id="1", itemType="Patient", age={"N": "31"})
put("Mixed", id="2", itemType="Address")
put("Mixed", id="2", itemType="Address", city="Oslo")
(one,) = messages("patients", 1)
assert (one["source"], one["detail"]["meta"]["change"], one["detail"]["item"]["age"]) == ("org.example.items", "PatientInsert", 31), one
both = messages("addresses", 2)
assert [each["detail"]["meta"]["change"] for each in both] == ["AddressInsert", "AddressModify"], both
assert both[1]["detail"]["item"] == {"id": "2", "itemType": "Address", "city": "Oslo"}, both

for id, at in (("1", 1_700_000_000_000), ("2", 1_700_000_001_000), ("3", 1_700_000_060_000)):
    put("Readings", id=id, siteId="OSL", at={"N": str(at)})
