//! How texts are compared: without case, accents, or more than one space (hl7.org/fhir/R4/search.html#string).

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// A text as it is compared. Borrowed when it already is.
pub fn normalise(text: &str) -> Cow<'_, str> {
    let is_plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.' | b',' | b'_');
    if text.bytes().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut is_space = false;
    let mut push = |character: char| {
        if character.is_whitespace() {
            is_space = true;
            return;
        }
        if is_space && !out.is_empty() {
            out.push(' ');
        }
        is_space = false;
        out.push(character);
    };
    if text.is_ascii() {
        text.chars().for_each(|character| push(character.to_ascii_lowercase()));
    } else {
        text.nfkd().filter(|character| !is_combining_mark(*character)).flat_map(char::to_lowercase).for_each(push);
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::normalise;

    #[test]
    fn case_accents_and_spaces_do_not_count() {
        let cases = [
            ("Müller", "muller"),
            ("  Jean   Luc ", "jean luc"),
            ("ÉCLAIR", "eclair"),
            ("Straße", "straße"),
            ("abc-1", "abc-1"),
            ("", ""),
        ];
        for (text, normalised) in cases {
            assert_eq!(normalise(text), normalised);
        }
    }
}
