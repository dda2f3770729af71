//! CloudWatch Logs at the wire: DescribeLogStreams, PutLogEvents, GetLogEvents, FilterLogEvents.

use logs::{Event, Input, Logs, Order, Query, Search, Stream};
use serde_json::{Map, Value, json};

use super::{PAGE_DEFAULT, group, invalid, limit, page, required, text};
use crate::AwsError;

const EVENTS_MAX: u64 = 10_000;

pub(super) async fn describe_streams(logs: &Logs, input: &Value) -> Result<Value, AwsError> {
    let name = group(input, "logGroupIdentifier")?;
    let order = match text(input, "orderBy") {
        None | Some("LogStreamName") => Order::Name,
        Some("LastEventTime") => Order::LastEvent,
        Some(_) => return Err(invalid("orderBy must be LogStreamName or LastEventTime")),
    };
    let descending = input.get("descending").and_then(Value::as_bool).unwrap_or(false);
    let prefix = text(input, "logStreamNamePrefix").unwrap_or_default();
    let streams = logs.describe_streams(name, prefix, order, descending).await?;
    let limit = limit(input, PAGE_DEFAULT, 50)?;
    let skip = match text(input, "nextToken") {
        None => 0,
        Some(after) => streams.iter().position(|stream| stream.name == after).map_or(streams.len(), |at| at + 1),
    };
    let shown: Vec<&Stream> = streams.iter().skip(skip).take(limit).collect();
    let more = skip.saturating_add(limit) < streams.len();
    let next = shown.last().filter(|_| more).map(|stream| stream.name.clone());
    let arn = logs.arn(name);
    Ok(page("logStreams", shown.into_iter().map(|stream| stream_json(&arn, stream)).collect(), next))
}

fn stream_json(group_arn: &str, stream: &Stream) -> Value {
    let mut item = Map::new();
    item.insert("logStreamName".into(), json!(stream.name));
    item.insert("creationTime".into(), json!(stream.created_ms));
    item.insert("arn".into(), json!(format!("{group_arn}:log-stream:{}", stream.name)));
    item.insert("storedBytes".into(), json!(0));
    let times = [
        ("firstEventTimestamp", stream.first_ms),
        ("lastEventTimestamp", stream.last_ms),
        ("lastIngestionTime", stream.ingested_ms),
    ];
    for (member, time) in times {
        if let Some(time) = time {
            item.insert(member.into(), json!(time));
        }
    }
    Value::Object(item)
}

pub(super) async fn put(logs: &Logs, input: &Value) -> Result<Value, AwsError> {
    let events = input.get("logEvents").and_then(Value::as_array).ok_or_else(|| invalid("logEvents is missing"))?;
    let mut inputs = Vec::with_capacity(events.len());
    for event in events {
        let (Some(at_ms), Some(message)) = (event.get("timestamp").and_then(Value::as_i64), text(event, "message"))
        else {
            return Err(invalid("an event needs a timestamp and a message"));
        };
        inputs.push(Input { at_ms, message: message.to_owned() });
    }
    let accepted = logs.put(required(input, "logGroupName")?, required(input, "logStreamName")?, inputs).await?;
    let mut rejected = Map::new();
    let indexes = [
        ("tooNewLogEventStartIndex", accepted.too_new_from),
        ("tooOldLogEventEndIndex", accepted.too_old_to),
        ("expiredLogEventEndIndex", accepted.expired_to),
    ];
    for (member, index) in indexes {
        if let Some(index) = index {
            rejected.insert(member.into(), json!(index));
        }
    }
    // Sequence tokens are no longer asked for; clients still expect one.
    let mut answer = json!({"nextSequenceToken": "0"});
    if !rejected.is_empty() {
        answer["rejectedLogEventsInfo"] = Value::Object(rejected);
    }
    Ok(answer)
}

pub(super) async fn get(logs: &Logs, input: &Value) -> Result<Value, AwsError> {
    let query = Query {
        from_ms: input.get("startTime").and_then(Value::as_i64),
        to_ms: input.get("endTime").and_then(Value::as_i64),
        limit: limit(input, EVENTS_MAX as usize, EVENTS_MAX)?,
        from_head: input.get("startFromHead").and_then(Value::as_bool).unwrap_or(false),
        token: text(input, "nextToken").map(str::to_owned),
    };
    let name = group(input, "logGroupIdentifier")?;
    let found = logs.get(name, required(input, "logStreamName")?, query).await?;
    let events: Vec<Value> = found
        .events
        .iter()
        .map(|event| json!({"timestamp": event.at_ms, "message": event.message, "ingestionTime": event.ingested_ms}))
        .collect();
    Ok(json!({"events": events, "nextForwardToken": found.forward, "nextBackwardToken": found.backward}))
}

pub(super) async fn filter(logs: &Logs, input: &Value) -> Result<Value, AwsError> {
    let streams = input.get("logStreamNames").and_then(Value::as_array).into_iter().flatten();
    let search = Search {
        from_ms: input.get("startTime").and_then(Value::as_i64),
        to_ms: input.get("endTime").and_then(Value::as_i64),
        streams: streams.filter_map(Value::as_str).map(str::to_owned).collect(),
        stream_prefix: text(input, "logStreamNamePrefix").unwrap_or_default().to_owned(),
        pattern: text(input, "filterPattern").unwrap_or_default().to_owned(),
        limit: limit(input, EVENTS_MAX as usize, EVENTS_MAX)?,
        token: text(input, "nextToken").map(str::to_owned),
    };
    if !search.streams.is_empty() && !search.stream_prefix.is_empty() {
        return Err(invalid("logStreamNames and logStreamNamePrefix exclude each other"));
    }
    let (events, next) = logs.filter(group(input, "logGroupIdentifier")?, search).await?;
    let mut answer = page("events", events.iter().map(event_json).collect(), next);
    answer["searchedLogStreams"] = json!([]);
    Ok(answer)
}

fn event_json(event: &Event) -> Value {
    json!({
        "logStreamName": event.stream,
        "timestamp": event.at_ms,
        "message": event.message,
        "ingestionTime": event.ingested_ms,
        "eventId": format!("{:020}{:020}", event.at_ms, event.number),
    })
}
