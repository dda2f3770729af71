"""Log groups, streams, events and filter patterns, with boto3 and the AWS CLI.

Usage: check.py ENDPOINT DATA
"""

import json
import os
import subprocess
import sys
import time

from aws import arn, client, refused

INVALID = "InvalidParameterException"
HOUR = 3_600_000
logs = client("logs")
now = int(time.time() * 1000)


def put(stream, *events):
    entries = [{"timestamp": at, "message": message} for at, message in events]
    return logs.put_log_events(logGroupName="g", logStreamName=stream, logEvents=entries)


def found(**how):
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName="g", **how)
    return [event["message"] for page in pages for event in page["events"]]


logs.create_log_group(logGroupName="g", tags={"a": "1"})
for name in ("web-1", "web-2", "jobs"):
    logs.create_log_stream(logGroupName="g", logStreamName=name)
put("web-1", (now, '{"status": 404, "path": "/x"}'), (now + 2, "plain ERROR"))
put("web-2", (now, '{"status": 200, "path": "/y"}'), (now + 1, '1.2.3.4 - "GET /a.html" 404 1534'))
put("jobs", (now + 3, '{"status": "late"}'))

# Patterns, streams, times, order and paging.
assert found(filterPattern="{ $.status >= 400 }") == ['{"status": 404, "path": "/x"}']
assert found(filterPattern="[ip, ..., status = 4*, bytes > 1000]") == ['1.2.3.4 - "GET /a.html" 404 1534']
assert found(filterPattern="%E[R]+OR%") == found(filterPattern="ERROR -WARN") == ["plain ERROR"]
assert len(found(logStreamNamePrefix="web-")) == 4 and len(found(logStreamNames=["jobs", "web-1"])) == 3
assert len(found(startTime=now + 1, endTime=now + 3)) == 2
assert found(startFromHead=False) == found(startFromHead=False, PaginationConfig={"PageSize": 2}) == found()[::-1]
events = logs.filter_log_events(logGroupName="g", interleaved=True, unmask=True)["events"]
assert len({event["eventId"] for event in events}) == 5, "an id is one event's, whatever its stream"
for pattern in ("{ $.a", "{ $.a EXISTS }", "[a, ..., ...]", "%(a)%", "a-b"):
    refused(INVALID, lambda: logs.filter_log_events(logGroupName="g", filterPattern=pattern), "Invalid filter pattern")
refused(INVALID, lambda: logs.filter_log_events(
    logGroupName="g", logStreamNames=["jobs"], logStreamNamePrefix="web"), "logStreamNamePrefix")
refused(INVALID, lambda: logs.filter_log_events(logGroupName="g", logGroupIdentifier="g"), "logGroupIdentifier")
assert logs.filter_log_events(logGroupIdentifier=arn("logs", "log-group:g"), limit=1)["events"]

# What is out of its time is told by index, and a batch spans a day at most.
day = 24 * HOUR
answer = put("jobs", (now - 15 * day, "old"), (now, "kept"), (now + 3 * HOUR, "new"))
assert answer["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 1, "tooNewLogEventStartIndex": 2}, answer
refused(INVALID, lambda: put("jobs", (now - day - 1, "a"), (now, "b")), "24 hours")
refused(INVALID, lambda: put("jobs", (now, "a"), (now - 1, "b")), "chronological")
refused(INVALID, lambda: put("jobs", (now, "x" * 1_048_576)), "too large")

# Streams in each order, in pages.
def streams(**how):
    pages = logs.get_paginator("describe_log_streams").paginate(
        logGroupName="g", PaginationConfig={"PageSize": 1}, **how)
    return [stream["logStreamName"] for page in pages for stream in page["logStreams"]]


assert streams() == ["jobs", "web-1", "web-2"] and streams(descending=True) == ["web-2", "web-1", "jobs"]
assert streams(orderBy="LastEventTime", descending=True) == ["jobs", "web-1", "web-2"]
assert streams(logStreamNamePrefix="web") == ["web-1", "web-2"]
refused(INVALID, lambda: streams(orderBy="LastEventTime", logStreamNamePrefix="web"), "LastEventTime")

wrong = "1 validation error detected: Value '{}' at '{}' failed to satisfy constraint: Member must "
refused(INVALID, lambda: streams(orderBy="x"), wrong.format("x", "orderBy") + "satisfy enum value set: [LogStreamName, LastEventTime]")
refused(INVALID, lambda: logs.describe_log_groups(limit=51), wrong.format(51, "limit") + "have value less than or equal to 50")
refused(INVALID, lambda: logs.filter_log_events(logGroupName="g", limit=10_001),
        wrong.format(10_001, "limit") + "have value less than or equal to 10000")

# Groups, retention, tags; what is not acted on is refused by name.
logs.create_log_group(logGroupName="rare", logGroupClass="INFREQUENT_ACCESS")
assert [g["logGroupName"] for g in logs.describe_log_groups(logGroupClass="STANDARD")["logGroups"]] == ["g"]
page = logs.describe_log_groups(limit=1)
assert logs.describe_log_groups(nextToken=page["nextToken"])["logGroups"][0]["logGroupName"] == "rare"
logs.put_retention_policy(logGroupName="g", retentionInDays=7)
assert logs.describe_log_groups(logGroupNamePrefix="g")["logGroups"][0]["retentionInDays"] == 7
refused(INVALID, lambda: logs.put_retention_policy(logGroupName="g", retentionInDays=8), "retentionInDays")
logs.delete_retention_policy(logGroupName="g")
assert "retentionInDays" not in logs.describe_log_groups(logGroupNamePrefix="g")["logGroups"][0]
logs.tag_resource(resourceArn=arn("logs", "log-group:g"), tags={"b": "2"})
logs.untag_resource(resourceArn=arn("logs", "log-group:g"), tagKeys=["a"])
assert logs.list_tags_for_resource(resourceArn=arn("logs", "log-group:g"))["tags"] == {"b": "2"}
refused(INVALID, lambda: logs.create_log_group(logGroupName="h", deletionProtectionEnabled=True), "deletionProtection")
refused(INVALID, lambda: logs.describe_log_groups(includeLinkedAccounts=True), "includeLinkedAccounts")

# The AWS CLI, unmodified.
program = os.path.join(os.path.dirname(sys.executable), "aws")
command = [program, "--endpoint-url", sys.argv[1], "logs", "filter-log-events", "--log-group-name", "g"]
output = subprocess.run([*command, "--filter-pattern", '{ $.status = "late" }'], capture_output=True, check=True)
assert [event["message"] for event in json.loads(output.stdout)["events"]] == ['{"status": "late"}']
