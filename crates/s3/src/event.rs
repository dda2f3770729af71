//! The events that tell of changes: `Object Created` and `Object Deleted` (S3 user guide, "EventBridge event message structure").

use std::sync::Arc;

use serde_json::{Value, json};
use state::Write;

/// Publishes a change in the transaction that makes it; what it answers is run once that is committed.
pub type Emit = Arc<dyn Fn(&Write<'_>, &Change) -> Result<Wake, state::Error> + Send + Sync>;

/// What is to be done after the commit.
pub type Wake = Box<dyn FnOnce() + Send>;

/// A change of an object.
#[derive(Clone, Debug)]
pub struct Change {
    pub bucket: String,
    pub key: String,
    /// Size and ETag of what was created; `None` when it was deleted.
    pub created: Option<(u64, String)>,
    /// The operation, such as `PutObject`.
    pub reason: &'static str,
    pub request_id: String,
    /// The account that asked.
    pub requester: String,
    /// Orders the changes of a key.
    pub sequencer: String,
}

impl Change {
    /// The `source` of its event.
    pub const SOURCE: &str = "aws.s3";

    pub fn detail_type(&self) -> &'static str {
        if self.created.is_some() { "Object Created" } else { "Object Deleted" }
    }

    /// The `resources` of its event.
    pub fn resource(&self) -> String {
        format!("arn:aws:s3:::{}", self.bucket)
    }

    pub fn detail(&self) -> Value {
        let mut object = json!({"key": self.key});
        if let Some((bytes, etag)) = &self.created {
            object["size"] = json!(bytes);
            object["etag"] = json!(etag);
        }
        object["sequencer"] = json!(self.sequencer);
        let mut detail = json!({
            "version": "0",
            "bucket": {"name": self.bucket},
            "object": object,
            "request-id": self.request_id,
            "requester": self.requester,
            "reason": self.reason,
        });
        if self.created.is_none() {
            detail["deletion-type"] = json!("Permanently Deleted");
        }
        detail
    }
}
