"""Events put on a bus: each that was acknowledged is where its rules sent it, here and on a further bus, and in the archive, and
once in the lake that a pipe fills; a replay that is killed brings all of them again. One-time schedules fire.

Usage: buses.py ENDPOINT FOLDER
"""

import datetime
import json
import time

from aws import arn, attempt, client
from workload import ROLE, Mailbox, delivery, drive, end, going, in_lake, reached

events, scheduler = client("events"), client("scheduler")
for name in ("first", "second"):
    events.create_event_bus(Name=name)
bus = arn("events", "event-bus/first")
every, some, further, replayed, fired = (Mailbox(name) for name in ("every", "some", "further", "replayed", "fired"))


def rule(bus, name, pattern, *targets):
    events.put_rule(Name=name, EventBusName=bus, EventPattern=json.dumps(pattern))
    targets = [{"Id": str(number), "Arn": target} for number, target in enumerate(targets)]
    assert events.put_targets(Rule=name, EventBusName=bus, Targets=targets)["FailedEntryCount"] == 0


new = {"replay-name": [{"exists": False}]}
rule("first", "every", {"source": ["crash"], **new}, every.arn, arn("events", "event-bus/second"))
rule("first", "some", {"detail": {"n": [{"numeric": [">", 100]}], "kind": ["odd"]}, **new}, some.arn)
rule("first", "replayed", {"replay-name": [{"exists": True}]}, replayed.arn)
rule("second", "further", {"source": ["crash"]}, further.arn)
archive = events.create_archive(
    ArchiveName="all", EventSourceArn=bus, EventPattern=json.dumps({"source": ["crash"]}))["ArchiveArn"]
pattern = json.dumps({"source": ["crash"]})
client("pipes").create_pipe(
    Name="lake", RoleArn=ROLE, Source=bus, Target=delivery("events"),
    SourceParameters={"FilterCriteria": {"Filters": [{"Pattern": pattern}]}},
    TargetParameters={"InputTemplate": '{"id": <$.id>, "version": <$.detail.n>}'})
acknowledged, schedules = {}, set()


def put(writer):
    number = 0
    while going():
        entries = []
        for _ in range(1 + number % 5):
            number += 1
            detail = {"writer": writer, "n": number, "kind": ("even", "odd")[number % 2]}
            entries.append({"EventBusName": "first", "Source": "crash", "DetailType": "d", "Detail": json.dumps(detail)})
        if answer := attempt(lambda: events.put_events(Entries=entries)):
            for entry, told in zip(entries, answer["Entries"]):
                acknowledged[told["EventId"]] = json.loads(entry["Detail"])


def schedule():
    number = 0
    while going():
        # Each try has a name of its own: one without an answer may be there or not.
        number += 1
        at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=1 + number % 3)
        created = attempt(lambda: scheduler.create_schedule(
            Name=f"s{number}", ScheduleExpression=f"at({at:%Y-%m-%dT%H:%M:%S})", FlexibleTimeWindow={"Mode": "OFF"},
            Target={"Arn": fired.arn, "RoleArn": ROLE, "Input": json.dumps({"n": number})}, ActionAfterCompletion="DELETE"))
        if created:
            schedules.add(number)
        time.sleep(0.05)


BEGIN = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=1)
replays = {}


def start_replay(name):
    """A replay of what was acknowledged before; answers whether it was accepted."""
    before = set(acknowledged)
    until = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
    destination = {"Arn": bus, "FilterArns": [arn("events", "rule/first/replayed")]}
    started = attempt(lambda: events.start_replay(
        ReplayName=name, EventSourceArn=archive, EventStartTime=BEGIN, EventEndTime=until, Destination=destination))
    if started:
        replays[name] = before


def replay():
    number = 0
    while going():
        number += 1
        if len(acknowledged) > 20 and len(replays) < 3:
            start_replay(f"r{number}")
        time.sleep(0.5)


mailboxes = (every, some, further, replayed, fired)
drive([(put, 0), (put, 1), (schedule,), (replay,)], *((mailbox.read,) for mailbox in mailboxes))
start_replay("last")
assert "last" in replays


def is_odd(detail):
    return detail["n"] > 100 and detail["kind"] == "odd"


def ids(mailbox):
    return {body["id"] for body in mailbox.bodies}


def came_again(name):
    return {body["id"] for body in replayed.bodies if body["replay-name"] == name}


matching = {id for id, detail in acknowledged.items() if is_odd(detail)}
reached("all events in the queue of a rule", lambda: acknowledged.keys() <= ids(every))
reached("all events that match", lambda: matching <= ids(some))
reached("all events on the further bus", lambda: acknowledged.keys() <= ids(further))
reached("all events in the lake", lambda: acknowledged.keys() <= in_lake("events")[0].keys())
reached("all schedules", lambda: schedules <= {body["n"] for body in fired.bodies})
for name, before in replays.items():
    reached(f"all events of the replay {name}", lambda: before <= came_again(name))
    reached(f"the end of the replay {name}", lambda: events.describe_replay(ReplayName=name)["State"] == "COMPLETED")
end()
assert all(len(times) == 1 for times in in_lake("events")[0].values()), "an event is in the lake twice"
for mailbox in (every, some, further):
    assert len(mailbox.bodies) == len(ids(mailbox)), "a rule's queue has an event twice"
assert acknowledged and schedules, "nothing was done"
assert all(is_odd(body["detail"]) for body in some.bodies), "a rule took what it does not match"
assert events.describe_archive(ArchiveName="all")["EventCount"] >= len(acknowledged)
print(f"{len(acknowledged)} events, {len(matching)} of them match further, {len(replays)} replays of "
      f"{sum(map(len, replays.values()))} events, {len(schedules)} schedules")
