//! CloudWatch Logs at the wire: DescribeLogStreams, PutLogEvents, GetLogEvents, FilterLogEvents.

use logs::{Event, Input, Logs, Order, Query, Search, Stream};
use serde_json::{Map, Value, json};

use super::members::{constraint, flag, group, invalid, limit, number, required, text, texts};
use super::{PAGE_DEFAULT, page};
use crate::AwsError;

const EVENTS_MAX: usize = 10_000;

pub(super) async fn describe_streams(logs: &Logs, input: &Value) -> Result<Value, AwsError> {
    let name = group(input, "logGroupIdentifier")?;
    let order = match text(input, "orderBy")? {
        None | Some("LogStreamName") => Order::Name,
        Some("LastEventTime") => Order::LastEvent,
        Some(other) => {
            return Err(constraint("orderBy", other, "satisfy enum value set: [LogStreamName, LastEventTime]"));
        }
    };
    let descending = flag(input, "descending")?.unwrap_or(false);
    let prefix = text(input, "logStreamNamePrefix")?.unwrap_or_default();
    if order == Order::LastEvent && !prefix.is_empty() {
        return Err(invalid("Cannot order by LastEventTime with a logStreamNamePrefix."));
    }
    let limit = limit(input, PAGE_DEFAULT, PAGE_DEFAULT)?;
    let streams = logs.describe_streams(name, prefix, order, descending).await?;
    let skip = match text(input, "nextToken")? {
        None => 0,
        Some(token) => {
            let after = place_of(token).ok_or_else(|| invalid("The specified nextToken is invalid."))?;
            let is_shown = |stream: &Stream| {
                let place = place(order, stream);
                if descending { place >= after } else { place <= after }
            };
            streams.partition_point(is_shown)
        }
    };
    let shown: Vec<&Stream> = streams.iter().skip(skip).take(limit).collect();
    let more = skip.saturating_add(limit) < streams.len();
    let next = shown.last().filter(|_| more).map(|stream| {
        let (last_ms, name) = place(order, stream);
        format!("{}/{name}", last_ms.map(|ms| ms.to_string()).unwrap_or_default())
    });
    let arn = logs.arn(name);
    Ok(page("logStreams", shown.into_iter().map(|stream| stream_json(&arn, stream)).collect(), next))
}

/// Where a stream stands in the order: a token names it, so that streams that come or go meanwhile do not matter.
fn place(order: Order, stream: &Stream) -> (Option<i64>, &str) {
    (stream.last_ms.filter(|_| order == Order::LastEvent), stream.name.as_str())
}

fn place_of(token: &str) -> Option<(Option<i64>, &str)> {
    let (last_ms, name) = token.split_once('/')?;
    let last_ms = if last_ms.is_empty() { None } else { Some(last_ms.parse().ok()?) };
    Some((last_ms, name))
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
        let at_ms = number(event, "timestamp")?.ok_or_else(|| invalid("an event needs a timestamp"))?;
        inputs.push(Input { at_ms, message: required(event, "message")?.to_owned() });
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
        from_ms: number(input, "startTime")?,
        to_ms: number(input, "endTime")?,
        limit: limit(input, EVENTS_MAX, EVENTS_MAX)?,
        from_head: flag(input, "startFromHead")?.unwrap_or(false),
        token: text(input, "nextToken")?.map(str::to_owned),
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
    let search = Search {
        from_ms: number(input, "startTime")?,
        to_ms: number(input, "endTime")?,
        streams: texts(input, "logStreamNames")?,
        stream_prefix: text(input, "logStreamNamePrefix")?.unwrap_or_default().to_owned(),
        pattern: text(input, "filterPattern")?.unwrap_or_default().to_owned(),
        limit: limit(input, EVENTS_MAX, EVENTS_MAX)?,
        newest_first: !flag(input, "startFromHead")?.unwrap_or(true),
        token: text(input, "nextToken")?.map(str::to_owned),
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
        "eventId": event_id(event),
    })
}

/// 56 digits, as the service's: time, stream and number, since clients tell events of all streams apart by it.
fn event_id(event: &Event) -> String {
    // FNV-1a: short, and the same in every version.
    let stream = event
        .stream
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{:016}{stream:020}{:020}", event.at_ms.max(0), event.number)
}
