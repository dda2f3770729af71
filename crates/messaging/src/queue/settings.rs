//! The attributes of a queue that can be set, typed, and how they are written at the wire.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::code::{Code, invalid_value};
use crate::Error;

/// Bytes of the largest message.
pub(super) const SIZE_MAX: i64 = 1 << 20;
/// Seconds a message may be hidden.
pub(super) const VISIBILITY_S_MAX: i64 = 43_200;
const SOURCES_MAX: usize = 10;

/// What a queue is set to. Stored as JSON with these names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    pub fifo: bool,
    /// `VisibilityTimeout`, seconds.
    pub visibility_s: i64,
    /// `DelaySeconds`.
    pub delay_s: i64,
    /// `MessageRetentionPeriod`, seconds.
    pub retention_s: i64,
    /// `ReceiveMessageWaitTimeSeconds`.
    pub wait_s: i64,
    /// `MaximumMessageSize`, bytes.
    pub size_max: i64,
    #[serde(default, skip_serializing_if = "is_false")]
    pub content_deduplication: bool,
    /// `DeduplicationScope` is `messageGroup`.
    #[serde(default, skip_serializing_if = "is_false")]
    pub scope_is_group: bool,
    /// `FifoThroughputLimit` is `perMessageGroupId`.
    #[serde(default, skip_serializing_if = "is_false")]
    pub limit_is_per_group: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redrive: Option<Redrive>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redrive_allow: Option<RedriveAllow>,
    /// What is kept but not acted on, by attribute name: `Policy`, `KmsMasterKeyId` and the like.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub kept: BTreeMap<String, String>,
}

/// `RedrivePolicy`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redrive {
    /// As it was given, but with the number of receives as a number.
    pub text: String,
    /// The dead-letter queue's ARN.
    pub target: String,
    /// Receives after which a message goes there.
    pub receives_max: i64,
}

/// `RedriveAllowPolicy`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedriveAllow {
    /// As it was given.
    pub text: String,
    /// ARNs of the queues that may; `None`: all.
    pub sources: Option<Vec<String>>,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

impl Settings {
    /// The defaults.
    pub fn new(fifo: bool) -> Settings {
        Settings {
            fifo,
            visibility_s: 30,
            delay_s: 0,
            retention_s: 345_600,
            wait_s: 0,
            size_max: SIZE_MAX,
            content_deduplication: false,
            scope_is_group: false,
            limit_is_per_group: false,
            redrive: None,
            redrive_allow: None,
            kept: BTreeMap::new(),
        }
    }

    /// Sets attributes by their wire names; an empty text takes one back.
    ///
    /// # Errors
    /// `InvalidAttributeName`, `InvalidAttributeValue`, `InvalidParameterValue`.
    pub fn set(&mut self, attributes: &BTreeMap<String, String>) -> Result<(), Error> {
        attributes.iter().try_for_each(|(name, value)| self.set_one(name, value))?;
        if self.limit_is_per_group && !self.scope_is_group {
            let reason = "FifoThroughputLimit perMessageGroupId needs the DeduplicationScope messageGroup.";
            return Err(bad("FifoThroughputLimit", reason));
        }
        Ok(())
    }

    fn set_one(&mut self, name: &str, value: &str) -> Result<(), Error> {
        match name {
            "VisibilityTimeout" => self.visibility_s = number(name, value, 0, VISIBILITY_S_MAX)?,
            "DelaySeconds" => self.delay_s = number(name, value, 0, 900)?,
            "MessageRetentionPeriod" => self.retention_s = number(name, value, 60, 1_209_600)?,
            "ReceiveMessageWaitTimeSeconds" => self.wait_s = number(name, value, 0, 20)?,
            "MaximumMessageSize" => self.size_max = number(name, value, 1024, SIZE_MAX)?,
            "FifoQueue" => {
                if flag(name, value)? != self.fifo {
                    return Err(bad(name, "Modifying queue type is not supported."));
                }
            }
            "ContentBasedDeduplication" if self.fifo => self.content_deduplication = flag(name, value)?,
            "DeduplicationScope" if self.fifo => {
                self.scope_is_group = choice(name, value, ["queue", "messageGroup"])?;
            }
            "FifoThroughputLimit" if self.fifo => {
                self.limit_is_per_group = choice(name, value, ["perQueue", "perMessageGroupId"])?;
            }
            "RedrivePolicy" => self.redrive = (!value.is_empty()).then(|| redrive(value)).transpose()?,
            "RedriveAllowPolicy" => {
                self.redrive_allow = (!value.is_empty()).then(|| redrive_allow(value)).transpose()?;
            }
            "Policy" => {
                let is_policy = matches!(serde_json::from_str(value), Ok(Value::Object(_)));
                if !value.is_empty() && !is_policy {
                    return Err(bad(name, ""));
                }
                self.keep(name, value);
            }
            "KmsMasterKeyId" => self.keep(name, value),
            "KmsDataKeyReusePeriodSeconds" => {
                number(name, value, 60, 86_400)?;
                self.keep(name, value);
            }
            "SqsManagedSseEnabled" => {
                flag(name, value)?;
                self.keep(name, &value.to_ascii_lowercase());
            }
            _ => return Err(Code::InvalidAttributeName.error(format!("Unknown Attribute {}.", shown(name)))),
        }
        Ok(())
    }

    fn keep(&mut self, name: &str, value: &str) {
        match value {
            "" => self.kept.remove(name),
            value => self.kept.insert(name.to_owned(), value.to_owned()),
        };
    }

    /// All that have a value, by their wire names.
    pub fn attributes(&self) -> BTreeMap<&'static str, String> {
        let mut all = BTreeMap::from([
            ("VisibilityTimeout", self.visibility_s.to_string()),
            ("DelaySeconds", self.delay_s.to_string()),
            ("MessageRetentionPeriod", self.retention_s.to_string()),
            ("ReceiveMessageWaitTimeSeconds", self.wait_s.to_string()),
            ("MaximumMessageSize", self.size_max.to_string()),
        ]);
        if self.fifo {
            let either = |flag: bool, values: [&str; 2]| values[usize::from(flag)].to_owned();
            all.insert("FifoQueue", "true".into());
            all.insert("ContentBasedDeduplication", self.content_deduplication.to_string());
            all.insert("DeduplicationScope", either(self.scope_is_group, ["queue", "messageGroup"]));
            all.insert("FifoThroughputLimit", either(self.limit_is_per_group, ["perQueue", "perMessageGroupId"]));
        }
        all.extend(self.redrive.iter().map(|redrive| ("RedrivePolicy", redrive.text.clone())));
        all.extend(self.redrive_allow.iter().map(|allow| ("RedriveAllowPolicy", allow.text.clone())));
        let kept = |name: &str| self.kept.get(name).cloned();
        all.extend(kept("Policy").map(|value| ("Policy", value)));
        if let Some(key) = kept("KmsMasterKeyId") {
            all.insert("KmsMasterKeyId", key);
            let reuse_s = kept("KmsDataKeyReusePeriodSeconds").unwrap_or_else(|| "300".into());
            all.insert("KmsDataKeyReusePeriodSeconds", reuse_s);
        }
        let managed = kept("SqsManagedSseEnabled").unwrap_or_else(|| (!all.contains_key("KmsMasterKeyId")).to_string());
        all.insert("SqsManagedSseEnabled", managed);
        all
    }

    /// The first attribute whose value would change.
    pub fn difference(&self, wanted: &BTreeMap<String, String>) -> Result<Option<String>, Error> {
        let mut other = self.clone();
        other.set(wanted)?;
        let (ours, theirs) = (self.attributes(), other.attributes());
        let differs = |name: &&String| ours.get(name.as_str()) != theirs.get(name.as_str());
        Ok(wanted.keys().find(differs).cloned())
    }

    /// When a message that was sent then is too old, it is gone.
    pub(super) fn horizon_ms(&self, now_ms: i64) -> i64 {
        now_ms.saturating_sub(self.retention_s.saturating_mul(1000))
    }
}

fn number(name: &str, value: &str, min: i64, max: i64) -> Result<i64, Error> {
    let parsed = value.parse().ok().filter(|number| (min..=max).contains(number));
    parsed.ok_or_else(|| bad(name, &format!("Must be a number from {min} to {max}.")))
}

fn flag(name: &str, value: &str) -> Result<bool, Error> {
    value.to_ascii_lowercase().parse().map_err(|_| bad(name, "Must be true or false."))
}

/// Whether it is the second.
fn choice(name: &str, value: &str, values: [&str; 2]) -> Result<bool, Error> {
    match values.iter().position(|known| *known == value) {
        Some(place) => Ok(place == 1),
        None => Err(bad(name, &format!("Must be {} or {}.", values[0], values[1]))),
    }
}

fn redrive(text: &str) -> Result<Redrive, Error> {
    let refuse = |reason: &str| invalid_value(shown(text), "RedrivePolicy", reason);
    let Ok(Value::Object(policy)) = serde_json::from_str::<Value>(text) else {
        return Err(refuse("Redrive policy is not a valid JSON map."));
    };
    let target = policy.get("deadLetterTargetArn").and_then(Value::as_str);
    let target =
        target.ok_or_else(|| refuse("Redrive policy does not contain mandatory attribute: deadLetterTargetArn."))?;
    let receives_max = match policy.get("maxReceiveCount") {
        None => return Err(refuse("Redrive policy does not contain mandatory attribute: maxReceiveCount.")),
        Some(Value::String(count)) => count.parse().ok(),
        Some(count) => count.as_i64(),
    };
    let receives_max = receives_max
        .filter(|count| (1..=1000).contains(count))
        .ok_or_else(|| refuse("Invalid value for maxReceiveCount: must be an integer from 1 to 1000."))?;
    if policy.keys().any(|name| name != "deadLetterTargetArn" && name != "maxReceiveCount") {
        return Err(refuse("Only following attributes are supported: [deadLetterTargetArn, maxReceiveCount]."));
    }
    let text = match policy.get("maxReceiveCount") {
        Some(Value::String(_)) => json!({"deadLetterTargetArn": target, "maxReceiveCount": receives_max}).to_string(),
        _ => text.into(),
    };
    Ok(Redrive { text, target: target.into(), receives_max })
}

fn redrive_allow(text: &str) -> Result<RedriveAllow, Error> {
    let refuse = |reason: &str| invalid_value(shown(text), "RedriveAllowPolicy", reason);
    let Ok(Value::Object(policy)) = serde_json::from_str::<Value>(text) else {
        return Err(refuse("Redrive allow policy is not a valid JSON map."));
    };
    let sources = policy.get("sourceQueueArns").and_then(Value::as_array);
    let sources = match (policy.get("redrivePermission").and_then(Value::as_str), sources) {
        (Some("allowAll"), None) => None,
        (Some("denyAll"), None) => Some(Vec::new()),
        (Some("byQueue"), Some(sources)) if (1..=SOURCES_MAX).contains(&sources.len()) => {
            Some(sources.iter().filter_map(|arn| arn.as_str().map(str::to_owned)).collect())
        }
        (Some("byQueue"), _) => return Err(refuse("sourceQueueArns must name 1 to 10 queues.")),
        (Some("allowAll" | "denyAll"), _) => {
            return Err(refuse("sourceQueueArns needs the redrivePermission byQueue."));
        }
        _ => return Err(refuse("redrivePermission must be allowAll, denyAll or byQueue.")),
    };
    Ok(RedriveAllow { text: text.into(), sources })
}

fn bad(name: &str, reason: &str) -> Error {
    let reason = if reason.is_empty() { String::new() } else { format!(" Reason: {reason}") };
    Code::InvalidAttributeValue.error(format!("Invalid value for the parameter {name}.{reason}"))
}

/// Names and policies come from the caller: cut, so that the reply stays small.
fn shown(text: &str) -> String {
    text.chars().take(512).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(fifo: bool, name: &str, value: &str) -> Result<Settings, Error> {
        let mut settings = Settings::new(fifo);
        settings.set(&BTreeMap::from([(name.to_owned(), value.to_owned())]))?;
        Ok(settings)
    }

    #[test]
    fn values_are_checked_by_name() {
        for (fifo, name, value, ok) in [
            (false, "VisibilityTimeout", "43200", true),
            (false, "VisibilityTimeout", "43201", false),
            (false, "VisibilityTimeout", "x", false),
            (false, "MaximumMessageSize", "1023", false),
            (false, "ContentBasedDeduplication", "true", false),
            (true, "ContentBasedDeduplication", "true", true),
            (true, "FifoThroughputLimit", "perMessageGroupId", false),
            (false, "FifoQueue", "true", false),
            (false, "Nothing", "1", false),
            (false, "QueueArn", "1", false),
            (false, "Policy", "{", false),
            (false, "RedrivePolicy", "", true),
            (false, "RedrivePolicy", "[]", false),
            (false, "RedrivePolicy", r#"{"deadLetterTargetArn":"a","maxReceiveCount":"3"}"#, true),
            (false, "RedrivePolicy", r#"{"deadLetterTargetArn":"a","maxReceiveCount":0}"#, false),
            (false, "RedriveAllowPolicy", r#"{"redrivePermission":"denyAll"}"#, true),
            (false, "RedriveAllowPolicy", r#"{"redrivePermission":"byQueue","sourceQueueArns":[]}"#, false),
        ] {
            assert_eq!(set(fifo, name, value).is_ok(), ok, "{name} {value}");
        }
    }

    #[test]
    fn receives_given_as_text_are_given_back_as_a_number() {
        let settings = set(false, "RedrivePolicy", r#"{"deadLetterTargetArn":"a","maxReceiveCount":"3"}"#).unwrap();
        let shown = &settings.attributes()["RedrivePolicy"];
        assert_eq!(
            serde_json::from_str::<Value>(shown).unwrap(),
            json!({"deadLetterTargetArn": "a", "maxReceiveCount": 3})
        );
    }

    #[test]
    fn is_kept_as_json_and_compared_by_value() {
        let settings = set(false, "RedrivePolicy", r#"{"deadLetterTargetArn":"a","maxReceiveCount":"3"}"#).unwrap();
        let text = serde_json::to_string(&settings).unwrap();
        assert_eq!(serde_json::from_str::<Settings>(&text).unwrap(), settings);
        let wanted = |value: &str| BTreeMap::from([("DelaySeconds".to_owned(), value.to_owned())]);
        assert_eq!(settings.difference(&wanted("0")).unwrap(), None);
        assert_eq!(settings.difference(&wanted("1")).unwrap(), Some("DelaySeconds".into()));
    }
}
