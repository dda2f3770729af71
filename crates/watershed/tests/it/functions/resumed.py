"""The event that was accepted before the server was killed is run by the next one.

Usage: resumed.py ENDPOINT
"""

import sys
import time

import boto3

endpoint = sys.argv[1]
logs = boto3.client("logs", endpoint_url=endpoint)
deadline = time.time() + 60
while True:
    groups = [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]]
    if "/aws/lambda/busy" in groups and logs.filter_log_events(
        logGroupName="/aws/lambda/busy", filterPattern='"kept over a kill"')["events"]:
        break
    assert time.time() < deadline, "the event was lost"
    time.sleep(0.05)
