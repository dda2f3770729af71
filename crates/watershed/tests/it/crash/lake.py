"""Changes of a table through a pipe into a partitioned lake: table, stream and lake hold every acknowledged change, exactly once
and in order per key.

Usage: lake.py ENDPOINT FOLDER
"""

import pathlib

from aws import client, until
from workload import Versions, drive, end, grouped, in_lake, reached

stacks = client("cloudformation")
stacks.create_stack(StackName="crash", TemplateBody=pathlib.Path(__file__).with_name("template.yaml").read_text())
until("the stack", lambda: stacks.describe_stacks(StackName="crash")["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE")
changes = Versions("Changes", writers=6, keys=25)
drive(changes.writers)


def in_table():
    pages = client("dynamodb").get_paginator("scan").paginate(TableName="Changes", ConsistentRead=True)
    return {item["id"]["S"]: int(item["version"]["N"]) for page in pages for item in page["Items"]}


def in_stream():
    streams = client("dynamodbstreams")
    stream = streams.list_streams(TableName="Changes")["Streams"][0]["StreamArn"]
    shards, more = [], {}
    while True:
        description = streams.describe_stream(StreamArn=stream, **more)["StreamDescription"]
        shards += description["Shards"]
        if "LastEvaluatedShardId" not in description:
            break
        more = {"ExclusiveStartShardId": description["LastEvaluatedShardId"]}
    for shard in shards:
        place = {"StreamArn": stream, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
        iterator = streams.get_shard_iterator(**place)["ShardIterator"]
        while iterator:
            page = streams.get_records(ShardIterator=iterator)
            for record in page["Records"]:
                yield record["dynamodb"]["Keys"]["id"]["S"], record["dynamodb"]["NewImage"]["version"]["N"]
            if not page["Records"]:
                break
            iterator = page.get("NextShardIterator")


reached("all changes in the lake", lambda: changes.has_come(in_lake("changes")[0]))
end()
assert in_table() == changes.last, "the table is not what was acknowledged last"
changes.compare("stream", grouped(in_stream()), once=True)
found, objects = in_lake("changes")
changes.compare("lake", found, once=True)
print(f"{changes.count()} changes of {len(changes.last)} keys: table, stream and lake agree, {objects} objects")
