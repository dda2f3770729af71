//! Archives and replays.

use std::sync::Arc;

use messaging::bus::{Archive, Replay};
use serde_json::{Map, Value, json};

use super::{decode, failure, listing, members, page, required, seconds, text};
use crate::{App, AwsError};

pub(super) async fn call(app: &Arc<App>, operation: &str, input: Value) -> Result<Value, AwsError> {
    let buses = &app.buses;
    Ok(match operation {
        "CreateArchive" => changed(app, &buses.create_archive(decode(input)?).await.map_err(failure)?),
        "UpdateArchive" => changed(app, &buses.update_archive(decode(input)?).await.map_err(failure)?),
        "DescribeArchive" => {
            let (archive, count, bytes) = buses.archive(required(&input, "ArchiveName")?).await.map_err(failure)?;
            let mut answer = archive_summary(&archive, count, bytes);
            answer.extend(members([
                ("ArchiveArn", json!(buses.archive_arn(&archive.archive_name))),
                ("Description", json!(archive.description)),
                ("EventPattern", json!(archive.event_pattern)),
                ("KmsKeyIdentifier", json!(archive.kms_key_identifier)),
            ]));
            Value::Object(answer)
        }
        "DeleteArchive" => {
            buses.delete_archive(required(&input, "ArchiveName")?).await.map_err(failure)?;
            json!({})
        }
        "ListArchives" => {
            let (source, state) = (text(&input, "EventSourceArn"), text(&input, "State"));
            let archives = buses.list_archives(source, state, page(&input)?).await.map_err(failure)?;
            listing("Archives", archives, |(archive, count, bytes)| {
                Value::Object(archive_summary(&archive, count, bytes))
            })
        }
        "StartReplay" => {
            let replay = buses.start_replay(decode(input)?).await.map_err(failure)?;
            let mut answer = replay_state(app, &replay);
            answer.insert("ReplayStartTime".into(), seconds(replay.started_ms));
            Value::Object(answer)
        }
        "DescribeReplay" => {
            let replay = buses.replay(required(&input, "ReplayName")?).await.map_err(failure)?;
            let mut answer = replay_summary(&replay);
            answer.extend(members([
                ("ReplayArn", json!(buses.replay_arn(&replay.replay_name))),
                ("Description", json!(replay.description)),
                ("Destination", json!(replay.destination)),
            ]));
            Value::Object(answer)
        }
        "CancelReplay" => {
            let mut answer =
                replay_state(app, &buses.cancel_replay(required(&input, "ReplayName")?).await.map_err(failure)?);
            answer.insert("State".into(), json!("CANCELLING"));
            Value::Object(answer)
        }
        "ListReplays" => {
            let (source, state) = (text(&input, "EventSourceArn"), text(&input, "State"));
            let replays = buses.list_replays(source, state, page(&input)?).await.map_err(failure)?;
            listing("Replays", replays, |replay| Value::Object(replay_summary(&replay)))
        }
        other => return Err(AwsError::unknown_operation(other)),
    })
}

fn changed(app: &Arc<App>, archive: &Archive) -> Value {
    json!({
        "ArchiveArn": app.buses.archive_arn(&archive.archive_name),
        "State": "ENABLED",
        "CreationTime": seconds(archive.created_ms),
    })
}

fn archive_summary(archive: &Archive, count: i64, bytes: i64) -> Map<String, Value> {
    members([
        ("ArchiveName", json!(archive.archive_name)),
        ("EventSourceArn", json!(archive.event_source_arn)),
        ("State", json!("ENABLED")),
        ("RetentionDays", json!(archive.retention_days)),
        ("SizeBytes", json!(bytes)),
        ("EventCount", json!(count)),
        ("CreationTime", seconds(archive.created_ms)),
    ])
}

fn replay_state(app: &Arc<App>, replay: &Replay) -> Map<String, Value> {
    members([("ReplayArn", json!(app.buses.replay_arn(&replay.replay_name))), ("State", json!(replay.state))])
}

fn replay_summary(replay: &Replay) -> Map<String, Value> {
    members([
        ("ReplayName", json!(replay.replay_name)),
        ("EventSourceArn", json!(replay.event_source_arn)),
        ("State", json!(replay.state)),
        ("EventStartTime", seconds(replay.from_ms)),
        ("EventEndTime", seconds(replay.to_ms)),
        ("EventLastReplayedTime", replay.last.map_or(Value::Null, |(at_ms, _)| seconds(at_ms))),
        ("ReplayStartTime", seconds(replay.started_ms)),
        ("ReplayEndTime", replay.ended_ms.map_or(Value::Null, seconds)),
    ])
}
