"""Changes of a table through pipes to a queue, a log group, and a bus that a further pipe follows: each arrives
once, in order per key.

Usage: targets.py ENDPOINT FOLDER
"""

from aws import arn, client
from workload import FROM_START, ROLE, Mailbox, Versions, drive, end, grouped, logged, reached, table

stream = table("Changes")
logs, pipes = client("logs"), client("pipes")
queue = Mailbox("changes.fifo", FifoQueue="true", VisibilityTimeout="5")
client("events").create_event_bus(Name="changes")
bus = arn("events", "event-bus/changes")
for group in ("direct", "by-bus"):
    logs.create_log_group(logGroupName=group)
TEMPLATE = '{"id": <$.dynamodb.Keys.id.S>, "version": <$.dynamodb.NewImage.version.N>}'


def pipe(name, source, target, **parameters):
    start = {"SourceParameters": FROM_START} if source == stream else {}
    pipes.create_pipe(Name=name, RoleArn=ROLE, Source=source, Target=target, TargetParameters=parameters, **start)


pipe("log", stream, arn("logs", "log-group:direct"), InputTemplate=TEMPLATE)
pipe("queue", stream, queue.arn, InputTemplate=TEMPLATE, SqsQueueParameters={
    "MessageGroupId": "$.dynamodb.Keys.id.S", "MessageDeduplicationId": "$.eventID"})
pipe("bus", stream, bus, InputTemplate=TEMPLATE, EventBridgeEventBusParameters={"Source": "crash", "DetailType": "change"})
pipe("by-bus", bus, arn("logs", "log-group:by-bus"),
     InputTemplate='{"id": <$.detail.id>, "version": <$.detail.version>}')
changes = Versions("Changes", writers=3, keys=10)
drive(changes.writers, (queue.read,), (queue.read,))


def of(records):
    return grouped((record["id"], record["version"]) for record in records)


places = {"queue": lambda: of(queue.bodies), "log group": lambda: of(logged("direct")), "bus": lambda: of(logged("by-bus"))}
for place, found in places.items():
    reached(f"all changes in the {place}", lambda: changes.has_come(found()))
end()
for place, found in places.items():
    changes.compare(place, found(), once=True)
print(f"{changes.count()} changes of {len(changes.last)} keys in {', '.join(places)}")
