//! Between text and the content of a JSON string (RFC 8259, section 7).

use std::borrow::Cow;

/// The content of a string that [`Scanner::string`](super::Scanner::string) gave, decoded. Half a surrogate pair becomes U+FFFD.
pub fn unescape(raw: &str) -> Cow<'_, str> {
    let Some(first) = memchr::memchr(b'\\', raw.as_bytes()) else { return Cow::Borrowed(raw) };
    let (plain, mut rest) = raw.split_at(first);
    let mut out = String::with_capacity(raw.len());
    out.push_str(plain);
    while let Some(escape) = rest.strip_prefix('\\') {
        let mut chars = escape.chars();
        match chars.next() {
            Some('b') => out.push('\u{8}'),
            Some('f') => out.push('\u{c}'),
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('t') => out.push('\t'),
            Some('u') => {
                let (decoded, after) = unescape_unicode(chars.as_str());
                out.push(decoded);
                chars = after.chars();
            }
            Some(other) => out.push(other),
            None => {}
        }
        rest = chars.as_str();
        let (plain, next) = rest.split_at(memchr::memchr(b'\\', rest.as_bytes()).unwrap_or(rest.len()));
        out.push_str(plain);
        rest = next;
    }
    Cow::Owned(out)
}

/// Decodes the four digits after `\u` and, where they are the first half of a pair, the second half.
fn unescape_unicode(text: &str) -> (char, &str) {
    let unit = |text: &str| text.get(..4).and_then(|digits| u32::from_str_radix(digits, 16).ok());
    let rest = text.get(4..).unwrap_or_default();
    let Some(high) = unit(text) else { return (char::REPLACEMENT_CHARACTER, rest) };
    if (0xD800..0xDC00).contains(&high)
        && let Some(second) = rest.strip_prefix("\\u")
        && let Some(low) = unit(second).filter(|low| (0xDC00..0xE000).contains(low))
    {
        let code = 0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00);
        let decoded = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
        return (decoded, second.get(4..).unwrap_or_default());
    }
    (char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER), rest)
}

/// Appends text as it must appear between the quotes of a JSON string.
pub fn escape_into(out: &mut Vec<u8>, text: &str) {
    let mut rest = text.as_bytes();
    loop {
        let (plain, stop) = rest.split_at(plain_length(rest));
        out.extend_from_slice(plain);
        let Some((&byte, after)) = stop.split_first() else { return };
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            control => out.extend_from_slice(format!("\\u{control:04x}").as_bytes()),
        }
        rest = after;
    }
}

/// How many bytes from the start are neither quote, backslash nor control character; eight are looked at together.
#[inline]
pub(super) fn plain_length(bytes: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let is_zero = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
    let (words, rest) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let quote = is_zero(word ^ (ONES * u64::from(b'"')));
        let backslash = is_zero(word ^ (ONES * u64::from(b'\\')));
        let control = word.wrapping_sub(ONES * 0x20) & !word & HIGH;
        let stops = quote | backslash | control;
        if stops != 0 {
            return index * 8 + stops.trailing_zeros() as usize / 8;
        }
    }
    let plain = rest.iter().position(|&byte| byte == b'"' || byte == b'\\' || byte < 0x20);
    words.len() * 8 + plain.unwrap_or(rest.len())
}
