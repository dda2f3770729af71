//! Replies of the query protocol (Smithy `awsQuery`): JSON values as XML elements, arrays as `<member>`.

use std::fmt::Write;

use quick_xml::escape::escape;
use serde_json::Value;

use crate::AwsError;

/// How arrays are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lists {
    /// One element with `<member>` elements.
    Members,
    /// The element again and again.
    Flattened,
}

/// `<OpResponse xmlns><OpResult>...</OpResult><ResponseMetadata>...`.
pub(crate) fn reply_body(operation: &str, xmlns: &str, body: &Value, lists: Lists, request_id: &str) -> Vec<u8> {
    let mut text = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{operation}Response xmlns=\"{xmlns}\">");
    element(&mut text, &format!("{operation}Result"), body, lists);
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

fn element(text: &mut String, name: &str, value: &Value, lists: Lists) {
    // Writing to a string cannot fail.
    let _ = match value {
        Value::Null => return,
        Value::Object(members) => {
            let _ = write!(text, "<{name}>");
            members.iter().for_each(|(member, value)| element(text, member, value, lists));
            write!(text, "</{name}>")
        }
        Value::Array(values) if lists == Lists::Flattened => {
            return values.iter().for_each(|value| element(text, name, value, lists));
        }
        Value::Array(values) => {
            let _ = write!(text, "<{name}>");
            values.iter().for_each(|value| element(text, "member", value, lists));
            write!(text, "</{name}>")
        }
        Value::String(string) => {
            let clean: String = string.chars().filter(|c| is_xml(*c)).collect();
            // A parser would read a line end without its carriage return.
            write!(text, "<{name}>{}</{name}>", escape(clean.as_str()).replace('\r', "&#13;"))
        }
        Value::Bool(flag) => write!(text, "<{name}>{flag}</{name}>"),
        Value::Number(number) => write!(text, "<{name}>{number}</{name}>"),
    };
}

/// XML 1.0 has no control characters below the space but tab and line ends.
fn is_xml(c: char) -> bool {
    !matches!(c, '\0'..='\u{8}' | '\u{B}' | '\u{C}' | '\u{E}'..='\u{1F}' | '\u{FFFE}' | '\u{FFFF}')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn writes_members_and_escapes() {
        let body =
            reply_body("Op", "urn:x", &json!({"A": ["<&\u{1}", true], "B": null, "C": {"D": 1}}), Lists::Members, "id");
        let text = String::from_utf8(body).unwrap();
        assert!(
            text.contains("<OpResult><A><member>&lt;&amp;</member><member>true</member></A><C><D>1</D></C></OpResult>")
        );
        assert!(text.ends_with("<RequestId>id</RequestId></ResponseMetadata></OpResponse>"), "{text}");
    }

    #[test]
    fn flattens_lists_and_keeps_line_ends() {
        let body = json!({"M": [{"B": "a\r\n\u{85}"}, {"B": "b"}], "N": []});
        let text = String::from_utf8(reply_body("Op", "urn:x", &body, Lists::Flattened, "id")).unwrap();
        let expected = "<OpResult><M><B>a&#13;\n\u{85}</B></M><M><B>b</B></M></OpResult>";
        assert!(text.contains(expected), "{text}");
    }
}
