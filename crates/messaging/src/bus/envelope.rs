//! The event as targets, patterns and archives see it: one line of JSON, its members always in the same order.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value};

/// What an event says beside its detail.
pub(crate) struct Envelope<'a> {
    pub(crate) id: &'a str,
    pub(crate) detail_type: &'a str,
    pub(crate) source: &'a str,
    pub(crate) account: &'a str,
    /// Milliseconds since 1970; events carry whole seconds.
    pub(crate) time_ms: i64,
    pub(crate) region: &'a str,
    pub(crate) resources: &'a [String],
}

impl Envelope<'_> {
    /// The whole event; `detail` is the text of a JSON object.
    pub(crate) fn with(&self, detail: &str) -> String {
        let quoted = |text: &str| Value::from(text).to_string();
        let resources: Vec<String> = self.resources.iter().map(|resource| quoted(resource)).collect();
        format!(
            r#"{{"version":"0","id":{},"detail-type":{},"source":{},"account":{},"time":"{}","region":{},"resources":[{}],"detail":{detail}}}"#,
            quoted(self.id),
            quoted(self.detail_type),
            quoted(self.source),
            quoted(self.account),
            timestamp(self.time_ms),
            quoted(self.region),
            resources.join(","),
        )
    }
}

/// Such as `2026-01-31T12:00:00Z`.
pub(crate) fn timestamp(ms: i64) -> String {
    let time: DateTime<Utc> = DateTime::from_timestamp_millis(ms).unwrap_or_default();
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// The event with one more member at its end.
pub(crate) fn with_member(event: &str, name: &str, value: &str) -> String {
    let open = event.strip_suffix('}').unwrap_or(event);
    format!("{open},{}:{}}}", Value::from(name), Value::from(value))
}

/// What a bus gets from a rule of another: the event itself, or the payload a target's input made of it, which is a whole event
/// or becomes the detail of this one.
pub(crate) fn forwarded(event: &str, payload: &[u8]) -> String {
    if event.as_bytes() == payload {
        return event.to_owned();
    }
    let Ok(Value::Object(mut whole)) = serde_json::from_str::<Value>(event) else { return event.to_owned() };
    let given: Value = serde_json::from_slice(payload).unwrap_or_default();
    let is_event = |given: &Map<String, Value>| {
        given.get("detail").is_some_and(Value::is_object)
            && given.contains_key("source")
            && given.contains_key("detail-type")
    };
    match given {
        Value::Object(given) if is_event(&given) => {
            for (name, value) in given {
                whole.entry(name).and_modify(|member| *member = value);
            }
        }
        detail => {
            whole.insert("detail".into(), detail);
        }
    }
    Value::Object(whole).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_escaped_and_in_order() {
        let resources = ["r\"1".to_owned()];
        let envelope = Envelope {
            id: "i",
            detail_type: "a \"b\"",
            source: "s",
            account: "1",
            time_ms: 1_800_000_000_999,
            region: "us",
            resources: &resources,
        };
        let event = envelope.with(r#"{"n":1.50}"#);
        assert_eq!(
            event,
            r#"{"version":"0","id":"i","detail-type":"a \"b\"","source":"s","account":"1","time":"2027-01-15T08:00:00Z","region":"us","resources":["r\"1"],"detail":{"n":1.50}}"#
        );
        assert!(with_member(&event, "replay-name", "r").ends_with(r#"1.50},"replay-name":"r"}"#));
        assert_eq!(forwarded(&event, event.as_bytes()), event);
        let detail: Value = serde_json::from_str(&forwarded(&event, b"[1]")).unwrap();
        assert_eq!((&detail["detail"], &detail["id"]), (&serde_json::json!([1]), &serde_json::json!("i")));
        let given = br#"{"source":"t","detail-type":"d","detail":{},"other":1}"#;
        let other: Value = serde_json::from_str(&forwarded(&event, given)).unwrap();
        assert_eq!((&other["source"], other.get("other")), (&serde_json::json!("t"), None));
    }
}
