//! Filter patterns of FilterLogEvents for unstructured text: `word`, `"a phrase"`, `-word`, `?either ?or`. Pure.

use crate::Error;

/// A compiled filter pattern. Case matters. An empty one matches everything.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Pattern {
    all: Vec<String>,
    any: Vec<String>,
    none: Vec<String>,
}

impl Pattern {
    pub fn parse(text: &str) -> Result<Pattern, Error> {
        let text = text.trim();
        if text.starts_with(['{', '[', '%']) {
            return Err(Error::Invalid("filterPattern: only terms and phrases are supported".into()));
        }
        let mut pattern = Pattern::default();
        let mut rest = text;
        while !rest.is_empty() {
            let (list, behind) = match rest.strip_prefix('-') {
                Some(behind) => (&mut pattern.none, behind),
                None => match rest.strip_prefix('?') {
                    Some(behind) => (&mut pattern.any, behind),
                    None => (&mut pattern.all, rest),
                },
            };
            let (term, behind) = term(behind)?;
            if term.is_empty() {
                return Err(Error::Invalid("filterPattern has an empty term".into()));
            }
            list.push(term.to_owned());
            rest = behind.trim_start();
        }
        Ok(pattern)
    }

    pub fn matches(&self, message: &str) -> bool {
        let holds = |term: &String| message.contains(term.as_str());
        self.all.iter().all(holds)
            && !self.none.iter().any(holds)
            && (self.any.is_empty() || self.any.iter().any(holds))
    }
}

fn term(text: &str) -> Result<(&str, &str), Error> {
    match text.strip_prefix('"') {
        Some(quoted) => {
            quoted.split_once('"').ok_or_else(|| Error::Invalid("filterPattern has an open quotation mark".into()))
        }
        None => Ok(text.split_at(text.find(char::is_whitespace).unwrap_or(text.len()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, message: &str, expected: bool) {
        assert_eq!(Pattern::parse(pattern).unwrap().matches(message), expected, "{pattern} on {message}");
    }

    #[test]
    fn terms_are_anded_alternatives_ored_exclusions_excluded() {
        check("", "anything", true);
        check("ERROR", "an ERROR here", true);
        check("ERROR", "an error here", false);
        check("a b", "b then a", true);
        check("a z", "b then a", false);
        check("\"b then\"", "b then a", true);
        check("b -then", "b then a", false);
        check("?x ?a", "b then a", true);
        check("?x ?y", "b then a", false);
    }

    #[test]
    fn what_is_not_supported_is_refused() {
        for pattern in ["{ $.a = 1 }", "[a, b]", "%x%", "\"open", "-"] {
            assert!(Pattern::parse(pattern).is_err(), "{pattern}");
        }
    }
}
