//! Refuses queries that could run without end or whose result depends on more than their record.
//!
//! Evaluation cannot be interrupted, so what loops without a bound given by the record is not compiled: definitions (recursion),
//! unbounded generators, and filters that read other inputs, the environment or the process. What reads the clock or the machine's time
//! zone is refused too: a record that is delivered again must get the same keys.

use crate::Error;

const MAX_QUERY_BYTES: usize = 5120;
const REFUSED: [&str; 24] = [
    "def",
    "range",
    "repeat",
    "while",
    "until",
    "recurse",
    "limit",
    "infinite",
    "combinations",
    "import",
    "include",
    "modulemeta",
    "input",
    "inputs",
    "input_filename",
    "input_line_number",
    "env",
    "halt",
    "halt_error",
    "debug",
    "stderr",
    "now",
    "localtime",
    "strflocaltime",
];

/// # Errors
/// [`Error::Query`] with the name that is refused.
pub(super) fn check(query: &str) -> Result<(), Error> {
    if query.len() > MAX_QUERY_BYTES {
        return Err(Error::Query { reason: "longer than 5120 bytes".into() });
    }
    let mut rest = query;
    let mut before = ' ';
    while let Some(c) = rest.chars().next() {
        if let Some(after) = plain_string(rest) {
            rest = after;
            before = '"';
            continue;
        }
        if c == '#' && before != '"' {
            rest = rest.split_once('\n').map_or("", |(_, after)| after);
            continue;
        }
        let length = rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
        let word = rest.get(..length).unwrap_or_default();
        let is_key = rest.get(length..).unwrap_or_default().trim_start().starts_with(':');
        let refused = REFUSED.contains(&word) && before != '.' && !is_key;
        if refused || (word == "ENV" && before == '$') || word == "__loc__" {
            return Err(Error::Query { reason: format!("{word} is not available") });
        }
        let step = if length == 0 { c.len_utf8() } else { length };
        before = rest.get(..step).and_then(|text| text.chars().next_back()).unwrap_or(' ');
        rest = rest.get(step..).unwrap_or_default();
    }
    Ok(())
}

/// What follows a string literal that holds no code; `None` where there is none.
fn plain_string(text: &str) -> Option<&str> {
    let body = text.strip_prefix('"')?;
    let mut chars = body.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => return Some(chars.as_str()),
            '\\' if chars.next() == Some('(') => return None,
            _ => {}
        }
    }
    None
}
