"""The four shapes of `examples/streams.yaml`, once it is deployed.

Usage: streams.py; the endpoint and key stand in the environment. What lies in the lake is looked at by the caller.
"""

import json
import time

import boto3

dynamodb, sqs, logs = (boto3.client(name) for name in ("dynamodb", "sqs", "logs"))


def put(table, **item):
    dynamodb.put_item(TableName=table, Item={name: {"S": value} for name, value in item.items()})


def until(probe):
    deadline = time.monotonic() + 60
    while not (found := probe()):
        assert time.monotonic() < deadline, "nothing came"
        time.sleep(0.05)
    return found


def messages(queue, count):
    url, found = sqs.get_queue_url(QueueName=queue)["QueueUrl"], []

    def receive():
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            found.append(json.loads(message["Body"]))
        return len(found) >= count

    until(receive)
    return found


for number in range(4):
    put("Measurements", id=str(number), site=f"s{number % 2}")

put("People", id="7", name="Nygaard")
events = until(lambda: logs.get_log_events(logGroupName="people", logStreamName="changes")["events"])
assert json.loads(events[0]["message"]) == {"resourceType": "Patient", "id": "7", "name": [{"family": "Nygaard"}]}, events

put("Items", id="a", kind="Apples")
put("Items", id="p", kind="Pears")
done = messages("done", 2)
assert sorted(json.dumps(one["responsePayload"]) for one in done) == ['{"first": "a"}', '{"second": "p"}'], done
detail = next(one["requestPayload"] for one in done if "first" in one["responsePayload"])
assert detail["detail"] == {"change": "ApplesChanged", "id": "a"} and detail["source"] == "org.example.items", detail

put("Orders", id="o", state="new")
put("Orders", id="o", state="sent")
(change,) = messages("changes", 1)
assert (change["detail-type"], change["detail"]) == ("OrderChange", {"id": "o", "state": "sent"}), change
