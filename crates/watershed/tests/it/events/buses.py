"""Buses, rules, targets, archives, replays, connections and API destinations.

Usage: buses.py ENDPOINT DATA
"""

import datetime
import json

from aws import ACCOUNT, client, refused, until

events, logs, sqs = client("events"), client("logs"), client("sqs")
SEEN = {"source": ["shop"], "detail": {"total": [{"numeric": [">", 10]}]}}


def put(detail, **more):
    entry = {"Source": "shop", "DetailType": "Sold", "Detail": json.dumps(detail), **more}
    answer = events.put_events(Entries=[entry])
    assert answer["FailedEntryCount"] == 0, answer
    return answer["Entries"][0]["EventId"]


def group(name):
    logs.create_log_group(logGroupName=name)
    return f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{name}"


def logged(name, count=1):
    """The messages of a log group, once there are so many."""
    def read():
        found = logs.filter_log_events(logGroupName=name)["events"]
        return [event["message"] for event in found] if len(found) >= count else None
    return until(f"{count} events in {name}", read)


# From a rule into log groups, in each form of input.
whole, part, made = group("whole"), group("part"), group("made")
rule = events.put_rule(Name="sold", EventPattern=json.dumps(SEEN), Tags=[{"Key": "k", "Value": "v"}])["RuleArn"]
assert rule == f"arn:aws:events:us-east-1:{ACCOUNT}:rule/sold", rule
template = '{"rule": <aws.events.rule-name>, "text": "<who> paid <total>"}'
answer = events.put_targets(
    Rule="sold",
    Targets=[
        {"Id": "whole", "Arn": whole},
        {"Id": "part", "Arn": part, "InputPath": "$.detail.who"},
        {
            "Id": "made",
            "Arn": made,
            "InputTransformer": {
                "InputPathsMap": {"who": "$.detail.who", "total": "$.detail.total"},
                "InputTemplate": template,
            },
        },
    ],
)
assert answer["FailedEntryCount"] == 0 and answer["FailedEntries"] == [], answer
assert [target["Id"] for target in events.list_targets_by_rule(Rule="sold")["Targets"]] == ["made", "part", "whole"]
put({"who": "Kari", "total": 5})
event_id = put({"who": "Ola", "total": 12.50}, Resources=["r"], Time=datetime.datetime(2026, 1, 31, 12))
event = json.loads(logged("whole")[0])
assert event == {
    "version": "0", "id": event_id, "detail-type": "Sold", "source": "shop", "account": ACCOUNT,
    "time": "2026-01-31T12:00:00Z", "region": "us-east-1", "resources": ["r"], "detail": {"who": "Ola", "total": 12.5},
}, event
assert logged("part") == ['"Ola"']
assert json.loads(logged("made")[0]) == {"rule": "sold", "text": "Ola paid 12.5"}

# Entries fail one by one.
answer = events.put_events(
    Entries=[
        {"Source": "shop", "DetailType": "Sold", "Detail": "{}"},
        {"Source": "shop", "DetailType": "Sold", "Detail": "no"},
        {"Source": "aws.s3", "DetailType": "Sold", "Detail": "{}"},
        {"DetailType": "Sold", "Detail": "{}"},
    ]
)
codes = [entry.get("ErrorCode") for entry in answer["Entries"]]
assert codes == [None, "MalformedDetail", "NotAuthorizedForSourceException", "InvalidArgument"], answer
assert answer["FailedEntryCount"] == 3
refused("ValidationException", lambda: events.put_events(Entries=[{}] * 11),
        "Value '[PutEventsRequestEntry]' at 'entries' failed to satisfy constraint", "less than or equal to 10")

# Into a queue, once; and a target that is not there: the dead-letter queue says why.
queue, dead = sqs.create_queue(QueueName="q")["QueueUrl"], sqs.create_queue(QueueName="dead")["QueueUrl"]
arn, gone = (f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}" for name in ("q", "gone"))
events.put_rule(Name="lost", EventPattern='{"source":["lost"]}')
config = {"Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:dead"}
events.put_targets(Rule="lost", Targets=[{"Id": "q", "Arn": arn}, {"Id": "t", "Arn": gone, "DeadLetterConfig": config}])
event_id = put({"n": 1}, Source="lost")


def receive(url):
    return sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"], WaitTimeSeconds=5).get("Messages")


assert json.loads(until("the message", lambda: receive(queue))[0]["Body"])["id"] == event_id
message = until("the dead letter", lambda: receive(dead))[0]
attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
assert json.loads(message["Body"])["id"] == event_id
assert attributes["RULE_ARN"].endswith(":rule/lost") and attributes["TARGET_ARN"] == gone, attributes
assert attributes["ERROR_CODE"] == "NO_RESOURCE" and attributes["RETRY_ATTEMPTS"] == "0" and attributes["ERROR_MESSAGE"]
events.remove_targets(Rule="lost", Ids=["q", "t"])
events.delete_rule(Name="lost")

# Rules: described, switched, refused.
described = events.describe_rule(Name="sold")
assert (described["State"], described["EventBusName"], described["CreatedBy"]) == ("ENABLED", "default", ACCOUNT)
events.disable_rule(Name="sold")
assert [found["State"] for found in events.list_rules(NamePrefix="so")["Rules"]] == ["DISABLED"]
events.enable_rule(Name="sold")
assert events.list_rule_names_by_target(TargetArn=whole)["RuleNames"] == ["sold"]
events.put_rule(Name="other", EventPattern='{"source":["other"]}')
pages = events.get_paginator("list_rules").paginate(PaginationConfig={"PageSize": 1})
names = [found["Name"] for page in pages for found in page["Rules"]]
assert names == ["other", "sold"], names
refused("ResourceNotFoundException", lambda: events.describe_rule(Name="x"), "Rule x does not exist on EventBus default.")
refused("InvalidEventPatternException", lambda: events.put_rule(Name="x", EventPattern='{"a": 1}'), "line: 1, column: 8]")
refused("ValidationException", lambda: events.put_rule(Name="x"), "EventPattern or ScheduleExpression must be specified")
refused("ValidationException", lambda: events.delete_rule(Name="sold"), "since it has targets")
many = [{"Id": f"m{n}", "Arn": whole} for n in range(5)]
refused("LimitExceededException", lambda: events.put_targets(Rule="sold", Targets=many))
failed = events.remove_targets(Rule="sold", Ids=["part", "none"])
assert (failed["FailedEntryCount"], failed["FailedEntries"][0]["TargetId"]) == (1, "none"), failed
assert events.list_tags_for_resource(ResourceARN=rule)["Tags"] == [{"Key": "k", "Value": "v"}]
events.tag_resource(ResourceARN=rule, Tags=[{"Key": "l", "Value": "w"}])
events.untag_resource(ResourceARN=rule, TagKeys=["k"])
assert events.list_tags_for_resource(ResourceARN=rule)["Tags"] == [{"Key": "l", "Value": "w"}]
sample = {"id": "1", "account": "1", "source": "s", "time": "t", "region": "r", "detail-type": "d", "n": 3}
assert events.test_event_pattern(EventPattern='{"n":[{"numeric":["<",4]}]}', Event=json.dumps(sample))["Result"] is True
assert events.test_event_pattern(EventPattern='{"n":[4]}', Event=json.dumps(sample))["Result"] is False

# A bus of its own, reached from the default one, with a policy.
arn = events.create_event_bus(Name="orders", Description="d")["EventBusArn"]
refused("ResourceAlreadyExistsException", lambda: events.create_event_bus(Name="orders"))
events.put_permission(EventBusName="orders", Action="events:PutEvents", Principal="111111111111", StatementId="one")
policy = json.loads(events.describe_event_bus(Name=arn)["Policy"])
assert policy["Statement"][0]["Principal"] == {"AWS": "arn:aws:iam::111111111111:root"}, policy
refused("ValidationException", lambda: events.put_permission(
    EventBusName="orders", Action="events:PutRule", Principal="111111111111", StatementId="two"),
    "Provided value in parameter 'action' is not supported.")
events.remove_permission(EventBusName="orders", StatementId="one")
assert "Policy" not in events.describe_event_bus(Name="orders")
statement = {"Sid": "s", "Effect": "Allow", "Principal": "*", "Action": "events:PutEvents", "Resource": arn}
events.put_permission(EventBusName="orders", Policy=json.dumps({"Statement": [statement]}))
assert json.loads(events.describe_event_bus(Name="orders")["Policy"]) == {"Statement": [statement]}
events.remove_permission(EventBusName="orders", RemoveAllPermissions=True)
assert [bus["Name"] for bus in events.list_event_buses()["EventBuses"]] == ["default", "orders"]
events.put_rule(Name="on", EventPattern='{"source":["onward"]}')
events.put_targets(Rule="on", Targets=[{"Id": "bus", "Arn": arn}])
behind = group("behind")
events.put_rule(Name="behind", EventBusName="orders", EventPattern='{"source":["onward"]}')
events.put_targets(Rule="behind", EventBusName="orders", Targets=[{"Id": "q", "Arn": behind}])
event_id = put({}, Source="onward")
assert json.loads(logged("behind")[0])["id"] == event_id

# Archive and replay.
archive = events.create_archive(ArchiveName="kept", EventSourceArn=arn, EventPattern='{"source":["onward"]}')["ArchiveArn"]
begin = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=1)
event_id = put({"n": 2}, Source="onward", EventBusName="orders")
assert event_id in [json.loads(found)["id"] for found in logged("behind", 2)]
assert until("the archive", lambda: events.describe_archive(ArchiveName="kept")["EventCount"]) == 1


def replay(**change):
    end = begin + datetime.timedelta(minutes=5)
    given = {"ReplayName": "again", "EventSourceArn": archive, "EventStartTime": begin, "EventEndTime": end,
             "Destination": {"Arn": arn}}
    return lambda: events.start_replay(**{**given, **change})


for change, text in [
    ({"Destination": {"Arn": archive}, "EventSourceArn": archive + "x"}, "Must contain an event bus ARN."),
    ({"EventSourceArn": archive + "x"}, "EventSourceArn is not valid. Reason: Archive keptx does not exist."),
    ({"Destination": {"Arn": arn.replace("orders", "default")}}, "Cross event bus replay is not permitted."),
    ({"EventEndTime": begin}, "EventStartTime must be before EventEndTime."),
]:
    refused("ValidationException", replay(**change), text)
refused("ResourceNotFoundException", replay(Destination={"Arn": arn + "x"}), "Event bus ordersx does not exist.")
replay()()
replayed = [event for event in map(json.loads, logged("behind", 3)) if "replay-name" in event][0]
assert (replayed["id"], replayed["replay-name"]) == (event_id, "again"), replayed
done = until("the replay", lambda: [events.describe_replay(ReplayName="again")][0].get("ReplayEndTime"))
assert events.list_replays(State="COMPLETED")["Replays"][0]["ReplayName"] == "again" and done
refused("ResourceAlreadyExistsException", replay(), "Replay again already exists.")
for listed, states in [
    (events.list_archives, "[ENABLED, DISABLED, CREATING, UPDATING, CREATE_FAILED, UPDATE_FAILED]"),
    (events.list_replays, "[CANCELLED, CANCELLING, COMPLETED, FAILED, RUNNING, STARTING]"),
]:
    refused("ValidationException", lambda: listed(State="x"), "Value 'x' at 'state' failed to satisfy", states)
    refused("ValidationException", lambda: listed(State="FAILED", NamePrefix="k"), "At most one filter is allowed for List")
assert [events.list_archives(State=state)["Archives"] == [] for state in ("ENABLED", "DISABLED")] == [False, True]
refused("IllegalStatusException", lambda: events.cancel_replay(ReplayName="again"))
refused("ResourceNotFoundException", lambda: events.describe_archive(ArchiveName="x"), "Archive x does not exist.")
events.update_archive(ArchiveName="kept", RetentionDays=3)
assert events.list_archives(EventSourceArn=arn)["Archives"][0]["RetentionDays"] == 3
events.delete_archive(ArchiveName="kept")

# Connections and API destinations; secrets stay inside.
basic = {"BasicAuthParameters": {"Username": "u", "Password": "hidden-password"}}
connection = events.create_connection(Name="c", AuthorizationType="BASIC", AuthParameters=basic)["ConnectionArn"]
shown = events.describe_connection(Name="c")
assert shown["AuthParameters"] == {"BasicAuthParameters": {"Username": "u"}}, shown
assert "hidden" not in json.dumps(shown, default=str) and shown["ConnectionState"] == "AUTHORIZED"
created = events.create_api_destination(
    Name="d", ConnectionArn=connection, InvocationEndpoint="https://example.org/hook", HttpMethod="POST"
)
assert created["ApiDestinationState"] == "ACTIVE"
assert events.list_api_destinations(ConnectionArn=connection)["ApiDestinations"][0]["Name"] == "d"
events.delete_connection(Name="c")
assert events.describe_api_destination(Name="d")["ApiDestinationState"] == "INACTIVE"
refused("ResourceNotFoundException", lambda: events.describe_connection(Name="c"), "Connection 'c' does not exist.")
events.delete_event_bus(Name="orders")
refused("ValidationException", lambda: events.delete_event_bus(Name="default"), "Cannot delete event bus default.")
refused("UnknownOperationException", lambda: events.create_partner_event_source(Name="p", Account=ACCOUNT))
