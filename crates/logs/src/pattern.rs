//! Filter patterns of FilterLogEvents, as the CloudWatch Logs user guide has them ("Filter pattern syntax"). Pure.
//!
//! A pattern is a list of terms, a regular expression between `%`, conditions on the members of a JSON event between `{` and
//! `}`, or on the fields of a space-delimited event between `[` and `]`. Case matters; an empty pattern matches everything.

mod comparison;
mod cursor;
mod expression;
mod fields;
mod json;
mod regex;
mod terms;

use crate::Error;
use cursor::Cursor;
use fields::Fields;
use json::Json;
use terms::Terms;

/// As the service has it.
const CHARS_MAX: usize = 1024;

/// A compiled filter pattern.
#[derive(Debug)]
pub(crate) enum Pattern {
    Terms(Terms),
    Regex(::regex::Regex),
    Json(Json),
    Fields(Fields),
}

impl Pattern {
    /// # Errors
    /// `Invalid`, with the place of what is wrong.
    pub fn parse(text: &str) -> Result<Pattern, Error> {
        if text.chars().count() > CHARS_MAX {
            return Err(Error::Invalid(format!("filterPattern can have at most {CHARS_MAX} characters")));
        }
        let mut cursor = Cursor::new(text);
        cursor.skip_space();
        let pattern = match cursor.peek() {
            Some('{') => Pattern::Json(Json::parse(&mut cursor)?),
            Some('[') => Pattern::Fields(Fields::parse(&mut cursor)?),
            Some('%') => Pattern::Regex(cursor.regex()?),
            _ => return Terms::parse(&mut cursor).map(Pattern::Terms),
        };
        cursor.skip_space();
        if cursor.peek().is_some() {
            return Err(cursor.invalid("nothing can follow the pattern"));
        }
        Ok(pattern)
    }

    pub fn matches(&self, message: &str) -> bool {
        match self {
            Pattern::Terms(terms) => terms.matches(message),
            Pattern::Regex(regex) => regex.is_match(message),
            Pattern::Json(json) => json.matches(message),
            Pattern::Fields(fields) => fields.matches(message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    /// `patterns.txt`: a pattern, then the messages it matches (`+`) and does not match (`-`), or why it is refused (`!`).
    #[test]
    fn patterns_match_as_the_guide_says() {
        let mut pattern = "";
        for line in include_str!("pattern/patterns.txt").lines().filter(|line| !line.starts_with('#')) {
            let (mark, rest) = line.split_at_checked(4).unwrap_or((line, ""));
            match mark {
                "  + " => assert!(Pattern::parse(pattern).unwrap().matches(rest), "{pattern} on {rest}"),
                "  - " => assert!(!Pattern::parse(pattern).unwrap().matches(rest), "{pattern} on {rest}"),
                "  ! " => {
                    let error = Pattern::parse(pattern).unwrap_err().to_string();
                    assert!(error.contains(rest), "{pattern}: {error}");
                }
                _ => pattern = line,
            }
        }
    }

    #[test]
    fn size_and_depth_are_bounded() {
        for refused in ["a".repeat(1025), format!("{{ {}$.a = 1 }}", "(".repeat(400)), "%a{900}{900}{900}%".to_owned()]
        {
            assert!(Pattern::parse(&refused).is_err(), "{} characters", refused.len());
        }
        let deep = format!("{}1{}", "[".repeat(5000), "]".repeat(5000));
        assert!(!Pattern::parse("{ $.a = 1 }").unwrap().matches(&deep));
    }

    proptest::proptest! {
        #[test]
        fn no_pattern_and_no_message_panics(pattern in "[{\\[%]?[ -~é]{0,40}[}\\]%]?", message in "\\PC{0,60}") {
            if let Ok(pattern) = Pattern::parse(&pattern) {
                pattern.matches(&message);
            }
        }
    }
}
