//! Splits text that holds several JSON values, one after another, with or without white space between them.

/// The values in `data`, without the white space around them.
///
/// # Errors
/// The offset from which the bytes are not a JSON value; nothing is answered then.
pub fn split(data: &[u8]) -> Result<Vec<&[u8]>, usize> {
    let mut values = serde_json::Deserializer::from_slice(data).into_iter::<Box<serde_json::value::RawValue>>();
    let mut found = Vec::new();
    loop {
        let before = values.byte_offset();
        match values.next() {
            None => return Ok(found),
            Some(Err(_)) => return Err(before),
            Some(Ok(_)) => found.push(data.get(before..values.byte_offset()).unwrap_or_default().trim_ascii()),
        }
    }
}
