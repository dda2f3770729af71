"""What the workloads share: threads that work until the killer has done, functions, and the checks.

A workload is called as SCRIPT ENDPOINT FOLDER. It prepares what it needs, calls `drive` with what writes while the server is
killed, waits until everything has arrived, calls `end`, and compares. FOLDER/ready tells the killer to begin, FOLDER/stop the
workload that it has done.
"""

import io
import json
import os
import pathlib
import sys
import threading
import time
import zipfile
from collections import defaultdict

import duckdb
from aws import ACCOUNT, again, arn, client, until

FOLDER = pathlib.Path(sys.argv[2])
LAKE = FOLDER.parent / "data" / "lake"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/crash"
FROM_START = {"DynamoDBStreamParameters": {"StartingPosition": "TRIM_HORIZON"}}
# How long what is left may take on a loaded machine.
PATIENCE = 180

failures = []
readers = []
done = threading.Event()


def going():
    """Whether the killer is at work."""
    return not failures and not (FOLDER / "stop").exists()


def reading():
    """Whether readers are still needed."""
    return not failures and not done.is_set()


def guarded(work, *arguments):
    try:
        work(*arguments)
    except BaseException as error:
        failures.append(error)
        raise


def drive(writers, *others):
    """Runs (function, arguments...) each in a thread, the others until `end`; answers when the writers have stopped."""
    started = [threading.Thread(target=guarded, args=work) for work in writers]
    readers.extend(threading.Thread(target=guarded, args=work, daemon=True) for work in others)
    for thread in started + readers:
        thread.start()
    (FOLDER / "ready").touch()
    for thread in started:
        thread.join()
    assert not failures, failures


def reached(what, found):
    """Waits for what must come. What is lost does not come, and waiting cannot hide a double."""
    def look():
        assert not failures, failures
        time.sleep(0.2)
        return found()
    return until(what, look, wait=PATIENCE)


def end():
    done.set()
    for thread in readers:
        thread.join()
    assert not failures, failures


def function(name, **environment):
    """A function whose process is worker.py; answers the file in which it notes what it is handed."""
    file = FOLDER / f"{name}.seen"
    file.touch()
    # A server of root runs functions as another user.
    os.chmod(file, 0o666)
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        entry = zipfile.ZipInfo("bootstrap")
        entry.external_attr = 0o755 << 16
        archive.writestr(entry, pathlib.Path(__file__).with_name("worker.py").read_text())
    functions = client("lambda")
    functions.create_function(
        FunctionName=name, Role=ROLE, Code={"ZipFile": data.getvalue()}, Runtime="provided.al2023", Handler="bootstrap",
        Timeout=30, Environment={"Variables": {"FILE": str(file), **environment}})
    functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=4)
    return file


def table(name):
    """A table of `id`; answers the ARN of its stream."""
    made = client("dynamodb").create_table(
        TableName=name, KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}], BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"})
    return made["TableDescription"]["LatestStreamArn"]


def delivery(name):
    """A delivery stream into the folder of its name; answers its ARN."""
    client("s3").create_bucket(Bucket="crash")
    client("firehose").create_delivery_stream(DeliveryStreamName=name, ExtendedS3DestinationConfiguration={
        "BucketARN": "arn:aws:s3:::crash", "RoleARN": ROLE, "Prefix": f"{name}/",
        "BufferingHints": {"IntervalInSeconds": 1, "SizeInMBs": 64},
        "ProcessingConfiguration": {"Enabled": True, "Processors": [{"Type": "AppendDelimiterToRecord"}]}})
    return arn("firehose", f"deliverystream/{name}")


class Versions:
    """Writers of version after version of their own keys, each repeated until it is acknowledged."""

    def __init__(self, name, writers, keys, **attributes):
        self.name, self.keys, self.attributes = name, keys, attributes
        self.last = {}
        self.writers = [(self.write, number) for number in range(writers)]

    def write(self, number):
        dynamodb, version = client("dynamodb"), 0
        while True:
            version += 1
            for key in range(self.keys):
                if not going():
                    return
                id = f"{number}-{key}"
                places = {"site": {"S": f"site {number}"}, "group": {"S": str(key % 3)}}
                item = {"id": {"S": id}, "version": {"N": str(version)}, **places, **self.attributes}
                # A repeat of a put that did commit changes nothing, so it makes no second record.
                again(lambda: dynamodb.put_item(TableName=self.name, Item=item))
                self.last[id] = version

    def count(self):
        return sum(self.last.values())

    def compare(self, where, found, once):
        """`found`: versions by key as they came. Each must have come `once`, or more often, and for the first time in order."""
        assert self.last, "nothing was written"
        problems = [f"{key} was never written" for key in found.keys() - self.last.keys()]
        for key, last in self.last.items():
            versions = found.get(key, [])
            first = versions if once else list(dict.fromkeys(versions))
            if first != list(range(1, last + 1)):
                missing = sorted(set(range(1, last + 1)) - set(versions))[:5]
                doubled = sorted({version for version in versions if versions.count(version) > 1})[:5]
                problems.append(f"{key}: {last} acknowledged, {len(versions)} found, missing={missing} doubled={doubled}")
        assert not problems, (where, len(problems), problems[:10])

    def has_come(self, found):
        return all(set(range(1, last + 1)) <= set(found.get(key, [])) for key, last in self.last.items())


def grouped(pairs):
    """Pairs of key and version as versions by key."""
    found = defaultdict(list)
    for key, version in pairs:
        found[key].append(int(version))
    return found


def in_lake(prefix):
    """Versions by key in the objects of a delivery stream, and the number of objects."""
    if not any(path.is_file() for path in (LAKE / "crash" / prefix).rglob("*")):
        return {}, 0
    rows = duckdb.sql(
        f"SELECT id, version::INT, filename FROM read_json('{LAKE}/crash/{prefix}/**', format='newline_delimited',"
        " filename=true, columns={id: 'VARCHAR', version: 'VARCHAR'})").fetchall()
    # In an object a key's records stand in order, and a key's objects do not interleave. Names order by the oldest record of
    # any shard, so two objects of one second need not stand in a key's order.
    parts = defaultdict(list)
    for key, version, name in rows:
        parts[key, name].append(version)
    found = defaultdict(list)
    for (key, _), versions in sorted(parts.items(), key=lambda part: part[1][0]):
        found[key] += versions
    return found, len({row[2] for row in rows})


def logged(group):
    """The messages of a log group as JSON, in order."""
    pages = client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
    return [json.loads(event["message"]) for page in pages for event in page["events"]]


class Mailbox:
    """A queue and everything that was taken from it, each message once: `bodies` holds one twice that was sent twice."""

    def __init__(self, name, **attributes):
        self.url = client("sqs").create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        self.arn, self.messages = arn("sqs", name), {}

    @property
    def bodies(self):
        return list(self.messages.values())

    def read(self):
        sqs = client("sqs")
        while reading():
            answer = again(lambda: sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10, WaitTimeSeconds=1))
            messages = answer.get("Messages", [])
            for message in messages:
                self.messages.setdefault(message["MessageId"], json.loads(message["Body"]))
            entries = [{"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]} for n, message in enumerate(messages)]
            # What is not deleted comes again.
            if entries:
                again(lambda: sqs.delete_message_batch(QueueUrl=self.url, Entries=entries))
