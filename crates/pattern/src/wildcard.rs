//! `wildcard` expressions: `*` stands for any characters, also none; `\*` and `\\` for themselves.

use memchr::memmem;

/// Wildcards that may be followed by the same character. The service measures the size of the automaton; this bound refuses the
/// same typical expressions (`*:*:*:*:*:x`).
const MAX_REPEATS: usize = 4;

/// Why an expression was refused, in the service's words. Positions count the quote the service puts before the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("Consecutive wildcard characters at pos {0}")]
    Consecutive(usize),
    #[error("Invalid escape character at pos {0}")]
    Escape(usize),
    #[error(
        "Rule is too complex - try using fewer wildcard characters or fewer repeating character sequences after a wildcard character"
    )]
    TooComplex,
}

impl Refused {
    /// Found when the whole rule is looked at, so it has no place in the text.
    pub(crate) fn is_complexity(self) -> bool {
        self == Refused::TooComplex
    }
}

/// A compiled wildcard expression: the texts between its wildcards.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Wildcard {
    texts: Vec<String>,
}

impl Wildcard {
    /// # Errors
    /// For `**`, other escapes, and expressions with too many alike parts.
    pub(crate) fn parse(expression: &str) -> Result<Wildcard, Refused> {
        let mut texts = vec![String::new()];
        let mut chars = expression.char_indices();
        let mut after_wildcard = false;
        while let Some((position, c)) = chars.next() {
            let is_wildcard = c == '*';
            match c {
                '*' if after_wildcard => {
                    return Err(Refused::Consecutive(position));
                }
                '*' => texts.push(String::new()),
                '\\' => match chars.next() {
                    Some((_, escaped @ ('*' | '\\'))) => push(&mut texts, escaped),
                    _ => return Err(Refused::Escape(position + 1)),
                },
                other => push(&mut texts, other),
            }
            after_wildcard = is_wildcard;
        }
        let wildcard = Wildcard { texts };
        if wildcard.repeats() > MAX_REPEATS { Err(Refused::TooComplex) } else { Ok(wildcard) }
    }

    /// The texts between its wildcards, with what is before the first and after the last.
    pub(crate) fn texts(&self) -> &[String] {
        &self.texts
    }

    pub(crate) fn matches(&self, text: &str) -> bool {
        let Some((first, rest)) = self.texts.split_first() else { return false };
        let Some((last, middle)) = rest.split_last() else { return first == text };
        let Some(mut text) = text.strip_prefix(first.as_str()).and_then(|text| text.strip_suffix(last.as_str())) else {
            return false;
        };
        for part in middle {
            let Some(at) = memmem::find(text.as_bytes(), part.as_bytes()) else { return false };
            text = text.get(at + part.len()..).unwrap_or_default();
        }
        true
    }

    /// How many wildcards are followed by the character that most often follows one.
    fn repeats(&self) -> usize {
        let firsts: Vec<char> = self.texts.iter().skip(1).filter_map(|text| text.chars().next()).collect();
        firsts.iter().map(|first| firsts.iter().filter(|other| first == *other).count()).max().unwrap_or_default()
    }
}

fn push(texts: &mut [String], c: char) {
    if let Some(text) = texts.last_mut() {
        text.push(c);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn naive(expression: &[char], text: &[char]) -> bool {
        match (expression, text) {
            ([], rest) => rest.is_empty(),
            (['*', more @ ..], _) => (0..=text.len()).any(|skip| naive(more, &text[skip..])),
            ([c, more @ ..], [first, rest @ ..]) => c == first && naive(more, rest),
            _ => false,
        }
    }

    #[test]
    fn escapes_stand_for_themselves() {
        let wildcard = Wildcard::parse(r"a\*\\*").unwrap();
        assert!(wildcard.matches(r"a*\"));
        assert!(wildcard.matches(r"a*\more"));
        assert!(!wildcard.matches("ab"));
        for text in ["a**", r"a\b", r"a\", "*x*x*x*x*x"] {
            assert!(Wildcard::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn agrees_with_trying_everything(expression in "[ab]{0,3}(\\*[ab]{1,2}){0,3}\\*?", text in "[ab]{0,10}") {
            let (chars, letters): (Vec<char>, Vec<char>) = (expression.chars().collect(), text.chars().collect());
            prop_assert_eq!(Wildcard::parse(&expression).unwrap().matches(&text), naive(&chars, &letters));
        }
    }
}
