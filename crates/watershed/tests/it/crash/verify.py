"""Checks with boto3 and DuckDB that every acknowledged change is in the table, the stream and the lake, exactly once,
in order per key.

Usage: verify.py ENDPOINT LAKE EXPECTED     EXPECTED: JSON object, key -> number of versions acknowledged
"""

import json
import sys
from collections import defaultdict

import boto3
import duckdb

endpoint, lake, expected_file = sys.argv[1:]
expected = json.load(open(expected_file))
problems = []


def compare(where, versions_by_key):
    for key, count in expected.items():
        versions = versions_by_key.get(key, [])
        if versions != list(range(1, count + 1)):
            missing = sorted(set(range(1, count + 1)) - set(versions))[:5]
            doubled = sorted({v for v in versions if versions.count(v) > 1})[:5]
            problems.append(f"{where}: key={key} acknowledged={count} found={len(versions)} missing={missing} doubled={doubled}")
    for key in set(versions_by_key) - set(expected):
        problems.append(f"{where}: key={key} was never written")


table = {}
pages = boto3.client("dynamodb", endpoint_url=endpoint).get_paginator("scan").paginate(TableName="Changes", ConsistentRead=True)
for page in pages:
    for item in page["Items"]:
        table[item["id"]["S"]] = int(item["version"]["N"])
if table != expected:
    problems.append(f"table: {sum(table.get(k) != v for k, v in expected.items())} of {len(expected)} items are not the last acknowledged")

streams = boto3.client("dynamodbstreams", endpoint_url=endpoint)
arn = streams.list_streams(TableName="Changes")["Streams"][0]["StreamArn"]
in_stream = defaultdict(list)
shards, start = [], None
while True:
    arguments = {"StreamArn": arn, **({"ExclusiveStartShardId": start} if start else {})}
    description = streams.describe_stream(**arguments)["StreamDescription"]
    shards += description["Shards"]
    start = description.get("LastEvaluatedShardId")
    if not start:
        break
for shard in shards:
    iterator = streams.get_shard_iterator(StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    while iterator:
        page = streams.get_records(ShardIterator=iterator)
        for record in page["Records"]:
            in_stream[record["dynamodb"]["Keys"]["id"]["S"]].append(int(record["dynamodb"]["NewImage"]["version"]["N"]))
        if not page["Records"]:
            break
        iterator = page.get("NextShardIterator")
compare("stream", in_stream)

in_lake = defaultdict(list)
rows = duckdb.sql(
    f"SELECT id, version::INT, filename FROM read_json('{lake}/crash/changes/**', format='newline_delimited', filename=true,"
    " columns={id: 'VARCHAR', version: 'VARCHAR'})"
).fetchall()
# In an object a key's records stand in order, and a key's objects do not interleave. Names order by the oldest record of
# any shard, so two objects of one second need not stand in a key's order.
parts = defaultdict(list)
for key, version, name in rows:
    parts[key, name].append(version)
for (key, _), versions in sorted(parts.items(), key=lambda part: part[1][0]):
    in_lake[key] += versions
compare("lake", in_lake)

if problems:
    print("\n".join(problems[:20]))
    sys.exit(f"{len(problems)} problems")
print(f"{len(expected)} keys, {sum(expected.values())} changes: table, stream and lake agree, {len({row[2] for row in rows})} objects")
