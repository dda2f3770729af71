"""Puts events, each until it is acknowledged, while the server is killed; then finds each one where its rule sent it.

Usage: crash.py ENDPOINT FILE
"""

import json
import sys

from aws import ACCOUNT, again, client, until

EVENTS = 240
events, logs = client("events"), client("logs")

logs.create_log_group(logGroupName="g")
events.put_rule(Name="r", EventPattern='{"source":["crash"]}')
events.put_targets(Rule="r", Targets=[{"Id": "t", "Arn": f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:g"}])
acknowledged = set()
with open(sys.argv[2], "w") as file:
    for n in range(EVENTS):
        entry = {"Source": "crash", "DetailType": "d", "Detail": json.dumps({"n": n})}
        answer = again(lambda: events.put_events(Entries=[entry]))
        assert answer["FailedEntryCount"] == 0
        acknowledged.add(answer["Entries"][0]["EventId"])
        print(n, file=file, flush=True)


def logged():
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName="g")
    return {json.loads(event["message"])["id"] for page in pages for event in page["events"]}


until("all events in the log group", lambda: acknowledged <= logged())
