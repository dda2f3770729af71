//! One operation asked for and its answer, the same for every protocol.

use bytes::Bytes;
use serde_json::Value;

/// A decoded, authenticated request.
///
/// JSON services: `input` is the body. REST-JSON services: the body plus the path labels and query parameters that
/// the route declares. Query services: the form as nested objects, `X.member.N` as arrays; all leaves are strings.
pub struct Call {
    /// Such as `PutItem`.
    pub operation: String,
    /// Always an object.
    pub input: Value,
    /// The body of a route that declares [`Parameter::Payload`](crate::services::Parameter): as it came. Otherwise empty.
    pub payload: Bytes,
    pub request_id: String,
    /// The access key id that signed.
    pub access_key: String,
    /// The `Host` the request was sent to; empty for calls from inside.
    pub host: String,
    /// The path of its URL, such as a queue's.
    pub path: String,
}

/// A successful answer. `Reply::from(json!({...}))` is status 200.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    /// An object; query services turn it into XML, arrays into `<member>` elements.
    pub body: Value,
    /// Sent instead of `body`, as it is. Empty: there is no body at all.
    pub payload: Option<Bytes>,
    /// Further headers; their names are written in lower case.
    pub headers: Vec<(&'static str, String)>,
}

impl Reply {
    /// `{}`, status 200.
    pub fn empty() -> Self {
        Reply::from(Value::Object(serde_json::Map::new()))
    }

    /// An answer without a body.
    pub fn bare(status: u16) -> Self {
        Reply { status, payload: Some(Bytes::new()), ..Reply::empty() }
    }

    /// Another status than 200.
    pub fn with_status(self, status: u16) -> Self {
        Reply { status, ..self }
    }
}

impl From<Value> for Reply {
    fn from(body: Value) -> Self {
        Reply { status: 200, body, payload: None, headers: Vec::new() }
    }
}
