//! EventBridge Scheduler at the wire (REST-JSON, 2021-06-30).

use std::sync::Arc;

use messaging::schedule::{Filter, Group, Schedule};
use messaging::{Error, Listing, Page, Tag, tag_list};
use serde_json::{Map, Value, json};

use crate::events::{decode, missing, required, seconds, text};
use crate::services::{Parameter, Route};
use crate::{App, AwsError, Call, Codes, Reply};

const OF_GROUP: &[(&str, Parameter)] = &[("groupName", Parameter::Text), ("clientToken", Parameter::Text)];
const PAGE: [(&str, Parameter); 3] =
    [("MaxResults", Parameter::Integer), ("NamePrefix", Parameter::Text), ("NextToken", Parameter::Text)];

pub(crate) const ROUTES: &[Route] = &[
    Route { method: "POST", path: "/schedules/{Name}", operation: "CreateSchedule", query: &[] },
    Route { method: "GET", path: "/schedules/{Name}", operation: "GetSchedule", query: OF_GROUP },
    Route { method: "PUT", path: "/schedules/{Name}", operation: "UpdateSchedule", query: &[] },
    Route { method: "DELETE", path: "/schedules/{Name}", operation: "DeleteSchedule", query: OF_GROUP },
    Route {
        method: "GET",
        path: "/schedules",
        operation: "ListSchedules",
        query: &[PAGE[0], PAGE[1], PAGE[2], ("ScheduleGroup", Parameter::Text), ("State", Parameter::Text)],
    },
    Route { method: "POST", path: "/schedule-groups/{Name}", operation: "CreateScheduleGroup", query: &[] },
    Route { method: "GET", path: "/schedule-groups/{Name}", operation: "GetScheduleGroup", query: &[] },
    Route { method: "DELETE", path: "/schedule-groups/{Name}", operation: "DeleteScheduleGroup", query: OF_GROUP },
    Route { method: "GET", path: "/schedule-groups", operation: "ListScheduleGroups", query: &PAGE },
    Route { method: "GET", path: "/tags/{ResourceArn+}", operation: "ListTagsForResource", query: &[] },
    Route { method: "POST", path: "/tags/{ResourceArn+}", operation: "TagResource", query: &[] },
    Route {
        method: "DELETE",
        path: "/tags/{ResourceArn+}",
        operation: "UntagResource",
        query: &[("TagKeys", Parameter::List)],
    },
];

/// The words of EventBridge Scheduler for what it refused.
fn failure(error: Error) -> AwsError {
    match &error {
        Error::Limit(_) => AwsError::new(402, "ServiceQuotaExceededException", error.to_string()),
        Error::State(_) | Error::Corrupt(_) => {
            tracing::error!(%error, "an EventBridge Scheduler operation failed");
            AwsError::new(500, "InternalServerException", "The operation failed.")
        }
        other => AwsError::of(&Codes::SCHEDULER, other.kind(), other.to_string()),
    }
}

/// Runs one operation.
pub(crate) async fn call(app: &Arc<App>, call: Call) -> Result<Reply, AwsError> {
    let (schedules, input) = (&app.schedules, call.input);
    let answer = match call.operation.as_str() {
        "CreateSchedule" => arn(app, &schedules.create(decode(input)?).await.map_err(failure)?),
        "UpdateSchedule" => arn(app, &schedules.update(decode(input)?).await.map_err(failure)?),
        "GetSchedule" => {
            let found = schedules.schedule(text(&input, "groupName"), required(&input, "Name")?).await;
            shown(app, &found.map_err(failure)?)
        }
        "DeleteSchedule" => {
            schedules.delete(text(&input, "groupName"), required(&input, "Name")?).await.map_err(failure)?;
            json!({})
        }
        "ListSchedules" => {
            let member = |name: &str| text(&input, name).map(str::to_owned);
            let filter = Filter { group: member("ScheduleGroup"), state: member("State") };
            let page = schedules.list(filter, page(&input)?).await.map_err(failure)?;
            listing("Schedules", page, |schedule| summary(app, &schedule))
        }
        "CreateScheduleGroup" => {
            let group = schedules.create_group(decode(input)?).await.map_err(failure)?;
            json!({"ScheduleGroupArn": schedules.group_arn(&group.name)})
        }
        "GetScheduleGroup" => group(app, &schedules.group(required(&input, "Name")?).await.map_err(failure)?),
        "DeleteScheduleGroup" => {
            schedules.delete_group(required(&input, "Name")?).await.map_err(failure)?;
            json!({})
        }
        "ListScheduleGroups" => {
            let page = schedules.list_groups(page(&input)?).await.map_err(failure)?;
            listing("ScheduleGroups", page, |found| group(app, &found))
        }
        "ListTagsForResource" => {
            let tags = schedules.tags(required(&input, "ResourceArn")?).await.map_err(failure)?;
            json!({"Tags": tag_list(&tags)})
        }
        "TagResource" => {
            let tags: Vec<Tag> = decode(input.get("Tags").cloned().ok_or_else(|| missing("tags"))?)?;
            schedules.tag(required(&input, "ResourceArn")?, tags).await.map_err(failure)?;
            json!({})
        }
        "UntagResource" => {
            let keys = decode(input.get("TagKeys").cloned().ok_or_else(|| missing("tagKeys"))?)?;
            schedules.untag(required(&input, "ResourceArn")?, keys).await.map_err(failure)?;
            json!({})
        }
        other => return Err(AwsError::unknown_operation(other)),
    };
    Ok(Reply::from(answer))
}

fn arn(app: &Arc<App>, schedule: &Schedule) -> Value {
    json!({"ScheduleArn": app.schedules.arn(&schedule.group_name, &schedule.name)})
}

fn shown(app: &Arc<App>, schedule: &Schedule) -> Value {
    let members = json!({
        "ActionAfterCompletion": schedule.action_after_completion,
        "Arn": app.schedules.arn(&schedule.group_name, &schedule.name),
        "CreationDate": seconds(schedule.created_ms),
        "Description": schedule.description,
        "EndDate": schedule.end_ms.map(seconds),
        "FlexibleTimeWindow": schedule.flexible_time_window,
        "GroupName": schedule.group_name,
        "KmsKeyArn": schedule.kms_key_arn,
        "LastModificationDate": seconds(schedule.modified_ms),
        "Name": schedule.name,
        "ScheduleExpression": schedule.schedule_expression,
        "ScheduleExpressionTimezone": schedule.schedule_expression_timezone,
        "StartDate": schedule.start_ms.map(seconds),
        "State": schedule.state,
        "Target": schedule.target,
    });
    match members {
        Value::Object(members) => {
            members.into_iter().filter(|(_, value)| !value.is_null()).collect::<Map<_, _>>().into()
        }
        other => other,
    }
}

fn summary(app: &Arc<App>, schedule: &Schedule) -> Value {
    json!({
        "Arn": app.schedules.arn(&schedule.group_name, &schedule.name),
        "CreationDate": seconds(schedule.created_ms),
        "GroupName": schedule.group_name,
        "LastModificationDate": seconds(schedule.modified_ms),
        "Name": schedule.name,
        "State": schedule.state,
        "Target": {"Arn": schedule.target.arn},
    })
}

fn group(app: &Arc<App>, group: &Group) -> Value {
    json!({
        "Arn": app.schedules.group_arn(&group.name),
        "CreationDate": seconds(group.created_ms),
        "LastModificationDate": seconds(group.modified_ms),
        "Name": group.name,
        "State": "ACTIVE",
    })
}

fn listing<T>(member: &str, listing: Listing<T>, each: impl Fn(T) -> Value) -> Value {
    let mut answer = Map::new();
    answer.insert(member.into(), listing.items.into_iter().map(each).collect());
    if let Some(token) = listing.next {
        answer.insert("NextToken".into(), json!(token));
    }
    Value::Object(answer)
}

fn page(input: &Value) -> Result<Page, AwsError> {
    let limit = match input.get("MaxResults") {
        None => Page::default().limit,
        Some(limit) => {
            let limit = limit.as_u64().and_then(|limit| usize::try_from(limit).ok());
            limit.ok_or_else(|| AwsError::validation("MaxResults must be between 1 and 100"))?
        }
    };
    let prefix = text(input, "NamePrefix").unwrap_or_default().to_owned();
    Ok(Page { prefix, token: text(input, "NextToken").map(str::to_owned), limit })
}
