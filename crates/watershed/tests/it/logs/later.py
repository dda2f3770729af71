"""One more event for the log group of write.py. Usage: later.py ENDPOINT DATA"""

import time

from aws import client

event = {"timestamp": int(time.time() * 1000), "message": "later"}
client("logs").put_log_events(logGroupName="visits", logStreamName="a", logEvents=[event])
