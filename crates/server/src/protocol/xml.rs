//! Replies of the query protocol (Smithy `awsQuery`): JSON values as XML elements, arrays as `<member>`.

use std::fmt::Write;

use quick_xml::escape::escape;
use serde_json::Value;

use crate::AwsError;

/// `<OpResponse xmlns><OpResult>...</OpResult><ResponseMetadata>...`.
pub(crate) fn reply_body(operation: &str, xmlns: &str, body: &Value, request_id: &str) -> Vec<u8> {
    let mut text = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{operation}Response xmlns=\"{xmlns}\">");
    element(&mut text, &format!("{operation}Result"), body);
    let _ =
        write!(text, "<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{operation}Response>");
    text.into_bytes()
}

/// `<ErrorResponse>`, as every query service answers a failure.
pub(crate) fn error_body(error: &AwsError, xmlns: &str, request_id: &str) -> Vec<u8> {
    let fault = if error.status >= 500 { "Receiver" } else { "Sender" };
    let (code, message) = (escape(error.code.as_str()), escape(error.message.as_str()));
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ErrorResponse xmlns=\"{xmlns}\"><Error><Type>{fault}</Type>\
         <Code>{code}</Code><Message>{message}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
    )
    .into_bytes()
}

fn element(text: &mut String, name: &str, value: &Value) {
    // Writing to a string cannot fail.
    let _ = match value {
        Value::Null => return,
        Value::Object(members) => {
            let _ = write!(text, "<{name}>");
            members.iter().for_each(|(member, value)| element(text, member, value));
            write!(text, "</{name}>")
        }
        Value::Array(values) => {
            let _ = write!(text, "<{name}>");
            values.iter().for_each(|value| element(text, "member", value));
            write!(text, "</{name}>")
        }
        Value::String(string) => {
            // XML 1.0 has no control characters but tab and line ends.
            let clean: String = string.chars().filter(|c| !c.is_control() || matches!(c, '\t' | '\n' | '\r')).collect();
            write!(text, "<{name}>{}</{name}>", escape(clean.as_str()))
        }
        Value::Bool(flag) => write!(text, "<{name}>{flag}</{name}>"),
        Value::Number(number) => write!(text, "<{name}>{number}</{name}>"),
    };
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn writes_members_and_escapes() {
        let body = reply_body("Op", "urn:x", &json!({"A": ["<&\u{1}", true], "B": null, "C": {"D": 1}}), "id");
        let text = String::from_utf8(body).unwrap();
        assert!(
            text.contains("<OpResult><A><member>&lt;&amp;</member><member>true</member></A><C><D>1</D></C></OpResult>")
        );
        assert!(text.ends_with("<RequestId>id</RequestId></ResponseMetadata></OpResponse>"), "{text}");
    }
}
