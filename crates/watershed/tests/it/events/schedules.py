"""EventBridge Scheduler: schedules that fire, are listed, changed and refused; groups and tags.

Usage: schedules.py ENDPOINT DATA
"""

import datetime
import json

from aws import ACCOUNT, client, refused, until

scheduler, logs, dynamodb = client("scheduler"), client("logs"), client("dynamodb")
ROLE = f"arn:aws:iam::{ACCOUNT}:role/scheduler"
logs.create_log_group(logGroupName="g")
GROUP = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:g"
OFF = {"Mode": "OFF"}


def at(seconds):
    time = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return f"at({time:%Y-%m-%dT%H:%M:%S})"


def target(**more):
    return {"Arn": GROUP, "RoleArn": ROLE, "Input": "hello", **more}


# One that fires at once, and is gone then.
created = scheduler.create_schedule(
    Name="once", ScheduleExpression=at(1), FlexibleTimeWindow=OFF, Target=target(), ActionAfterCompletion="DELETE"
)
assert created["ScheduleArn"] == f"arn:aws:scheduler:us-east-1:{ACCOUNT}:schedule/default/once", created
found = until("the message", lambda: logs.filter_log_events(logGroupName="g")["events"])
assert [event["message"] for event in found] == ["hello"], found
refused("ResourceNotFoundException", lambda: scheduler.get_schedule(Name="once"), "Schedule once does not exist.")

# A universal target: any operation of this server.
dynamodb.create_table(
    TableName="Table", BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
)
item = {"TableName": "Table", "Item": {"id": {"S": "scheduled"}}}
scheduler.create_schedule(
    Name="put", ScheduleExpression=at(0), FlexibleTimeWindow=OFF,
    Target={"Arn": "arn:aws:scheduler:::aws-sdk:dynamodb:putItem", "RoleArn": ROLE, "Input": json.dumps(item)},
)
until("the item", lambda: dynamodb.get_item(TableName="Table", Key={"id": {"S": "scheduled"}}).get("Item"))

# Groups, lists, changes.
group = scheduler.create_schedule_group(Name="g", Tags=[{"Key": "k", "Value": "v"}])["ScheduleGroupArn"]
refused("ConflictException", lambda: scheduler.create_schedule_group(Name="g"))
end = datetime.datetime(2099, 1, 1, tzinfo=datetime.timezone.utc)
cron = {"ScheduleExpression": "cron(0 9 ? * MON-FRI *)", "ScheduleExpressionTimezone": "Europe/Oslo"}
scheduler.create_schedule(
    Name="work", GroupName="g", FlexibleTimeWindow={"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 5}, EndDate=end,
    Target=target(RetryPolicy={"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 600}), **cron,
)
found = scheduler.get_schedule(Name="work", GroupName="g")
assert (found["ScheduleExpression"], found["EndDate"], found["State"]) == (cron["ScheduleExpression"], end, "ENABLED"), found
assert found["Target"]["RetryPolicy"]["MaximumRetryAttempts"] == 3
scheduler.update_schedule(Name="work", GroupName="g", FlexibleTimeWindow=OFF, Target=target(), State="DISABLED", **cron)
assert scheduler.get_schedule(Name="work", GroupName="g")["State"] == "DISABLED"
assert [one["Name"] for one in scheduler.list_schedules(State="DISABLED")["Schedules"]] == ["work"]
pages = scheduler.get_paginator("list_schedules").paginate(PaginationConfig={"PageSize": 1})
assert [one["Name"] for page in pages for one in page["Schedules"]] == ["put", "work"]
assert [one["Name"] for one in scheduler.list_schedule_groups()["ScheduleGroups"]] == ["default", "g"]
scheduler.tag_resource(ResourceArn=group, Tags=[{"Key": "l", "Value": "w"}])
scheduler.untag_resource(ResourceArn=group, TagKeys=["k"])
assert scheduler.list_tags_for_resource(ResourceArn=group)["Tags"] == [{"Key": "l", "Value": "w"}]
scheduler.delete_schedule_group(Name="g")
refused("ResourceNotFoundException", lambda: scheduler.get_schedule(Name="work", GroupName="g"))


def create(**change):
    whole = {"Name": "x", "ScheduleExpression": "rate(1 hour)", "FlexibleTimeWindow": OFF, "Target": target(), **change}
    return lambda: scheduler.create_schedule(**whole)


refused("ValidationException", create(ScheduleExpression="rate(1 century)"), "Invalid Schedule Expression")
refused("ValidationException", create(ScheduleExpression="cron(* * * * * *)"), "Invalid Schedule Expression")
late = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1)
refused("ValidationException", create(StartDate=late), "The StartDate you specify cannot be earlier than 5 minutes ago.")
refused("ValidationException", create(ScheduleExpressionTimezone="Nowhere"), "Timezone")
refused("ResourceNotFoundException", create(GroupName="none"), "Schedule group none does not exist.")
