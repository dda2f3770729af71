//! The body of a queue's message, decoded where it holds JSON.

use std::borrow::Cow;

use bytes::Bytes;
use event::Record;
use expr::Path;
use serde::de::IgnoredAny;

use crate::Error;

/// Where the body stands in a message.
pub(super) struct Body(Path);

impl Body {
    /// # Errors
    /// None: the path is a path.
    pub fn new() -> Result<Body, Error> {
        Path::parse("$.body").map(Body).map_err(|error| Error::Invalid(error.to_string()))
    }

    /// The message with its body as JSON, or as it is where the body is other text.
    pub fn decode(&self, record: &Record) -> Bytes {
        self.decoded(&record.data).map_or_else(|| record.data.clone(), Bytes::from)
    }

    fn decoded(&self, message: &[u8]) -> Option<Vec<u8>> {
        let Some(Cow::Borrowed(raw)) = self.0.json(message).ok()? else { return None };
        // The path answers a piece of the message itself.
        let start = (raw.as_ptr() as usize).checked_sub(message.as_ptr() as usize)?;
        let (before, after) = (message.get(..start)?, message.get(start + raw.len()..)?);
        if !raw.starts_with('"') {
            return None;
        }
        let text = self.0.text(message).ok()??;
        let is_json = text.trim_start().starts_with(['{', '[']) && serde_json::from_str::<IgnoredAny>(&text).is_ok();
        is_json.then(|| [before, text.as_bytes(), after].concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(message: &str, expected: Option<&str>) {
        let decoded = Body::new().unwrap().decoded(message.as_bytes());
        assert_eq!(decoded.map(|bytes| String::from_utf8(bytes).unwrap()).as_deref(), expected, "{message}");
    }

    #[test]
    fn json_in_a_body_is_seen_as_json() {
        check(
            r#"{"messageId":"1","body":"{\"n\": 1.50}","x":2}"#,
            Some(r#"{"messageId":"1","body":{"n": 1.50},"x":2}"#),
        );
        check(r#"{"body":"[1]"}"#, Some(r#"{"body":[1]}"#));
        for message in
            [r#"{"body":"plain"}"#, r#"{"body":"{no"}"#, r#"{"body":{"n":1}}"#, r#"{"body":"1"}"#, "{}", "no"]
        {
            check(message, None);
        }
    }
}
