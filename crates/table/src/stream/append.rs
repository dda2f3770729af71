//! Writing records.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use state::{Write, params};

use super::sequence;
use super::shard::for_token;
use crate::definition::Key;
use crate::item::{Item, item_size};
use crate::tables::Environment;
use crate::{Error, schema};

/// A change of one item.
pub(crate) struct Change<'a> {
    pub key: &'a Key,
    pub old: Option<&'a Item>,
    pub new: Option<&'a Item>,
    /// Deleted by time to live.
    pub expired: bool,
}

/// Appends the record of a change, unless nothing changed.
pub(crate) fn append(tx: &Write<'_>, env: &Environment, stream: i64, change: &Change<'_>) -> Result<(), Error> {
    if change.old == change.new {
        return Ok(());
    }
    let now = env.clock.now_ms();
    let shard = for_token(tx, stream, change.key.token, now)?;
    let sql = "SELECT arn, view FROM ddb_stream WHERE id = ?1";
    let found =
        tx.first(sql, params![stream], |row| Ok::<_, Error>((row.text(0)?.to_owned(), row.text(1)?.to_owned())))?;
    let (arn, view) = found.ok_or_else(|| Error::Internal("stream is gone".into()))?;
    let count = schema::next(tx, "sequence")?;
    let digest = Sha256::digest(format!("{arn}/{count}"));
    let event_id = hex::encode(digest.get(..16).unwrap_or_default());
    let data = encode(env, change, &arn, &view, count, &event_id, now)?;
    tx.execute(
        "INSERT INTO ddb_record (shard, sequence, at_ms, token, event_id, data) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![shard.number, count, now, change.key.token, &event_id, &data],
    )?;
    tx.execute("UPDATE ddb_shard SET last_sequence = ?2 WHERE number = ?1", params![shard.number, count])?;
    Ok(())
}

fn encode(
    env: &Environment,
    change: &Change<'_>,
    arn: &str,
    view: &str,
    count: i64,
    event_id: &str,
    now: i64,
) -> Result<Vec<u8>, Error> {
    let image = |item: &Item| {
        serde_json::to_value(item).map_err(|_| Error::Internal("an item cannot be written as JSON".into()))
    };
    let mut size = item_size(&change.key.attributes);
    let mut inner = Map::new();
    inner.insert("ApproximateCreationDateTime".into(), (now / 1000).into());
    inner.insert("Keys".into(), image(&change.key.attributes)?);
    for (member, item, views) in [
        ("NewImage", change.new, ["NEW_IMAGE", "NEW_AND_OLD_IMAGES"]),
        ("OldImage", change.old, ["OLD_IMAGE", "NEW_AND_OLD_IMAGES"]),
    ] {
        if let Some(item) = item.filter(|_| views.contains(&view)) {
            size += item_size(item);
            inner.insert(member.into(), image(item)?);
        }
    }
    inner.insert("SequenceNumber".into(), sequence(count).to_string().into());
    inner.insert("SizeBytes".into(), size.into());
    inner.insert("StreamViewType".into(), view.into());
    let name = match (change.old, change.new) {
        (None, _) => "INSERT",
        (_, None) => "REMOVE",
        _ => "MODIFY",
    };
    let mut record = Map::new();
    record.insert("eventID".into(), event_id.into());
    record.insert("eventName".into(), name.into());
    record.insert("eventVersion".into(), "1.1".into());
    record.insert("eventSource".into(), "aws:dynamodb".into());
    record.insert("awsRegion".into(), env.region.as_str().into());
    record.insert("dynamodb".into(), Value::Object(inner));
    if change.expired {
        record.insert("userIdentity".into(), json!({"type": "Service", "principalId": "dynamodb.amazonaws.com"}));
    }
    record.insert("eventSourceARN".into(), arn.into());
    Ok(Value::Object(record).to_string().into_bytes())
}
