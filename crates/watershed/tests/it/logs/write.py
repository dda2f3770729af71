"""A log group with two streams, an event of the same time in each. Usage: write.py ENDPOINT DATA"""

import time

from aws import client

logs = client("logs")
logs.create_log_group(logGroupName="visits")
now = int(time.time() * 1000)
for stream, message in [("a", '{"age": 64}'), ("b", '{"age": 70}')]:
    logs.create_log_stream(logGroupName="visits", logStreamName=stream)
    logs.put_log_events(logGroupName="visits", logStreamName=stream, logEvents=[{"timestamp": now, "message": message}])
