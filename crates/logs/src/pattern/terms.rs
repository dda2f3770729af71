//! Patterns for unstructured events: `word`, `"a phrase"`, `-word`, `?either ?or`.

use super::cursor::Cursor;
use crate::Error;

#[derive(Debug, Default)]
pub(crate) struct Terms {
    all: Vec<String>,
    none: Vec<String>,
    any: Vec<String>,
}

impl Terms {
    pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Terms, Error> {
        let mut terms = Terms::default();
        loop {
            cursor.skip_space();
            let list = match cursor.peek() {
                None => break,
                Some('-') => &mut terms.none,
                Some('?') => &mut terms.any,
                Some(_) => &mut terms.all,
            };
            if cursor.take("-") || cursor.take("?") {
                cursor.skip_space();
            }
            let term = match cursor.peek() {
                Some('"') => cursor.quoted()?,
                _ => {
                    let term = cursor.take_while(|c| c.is_alphanumeric() || c == '_');
                    if term.is_empty() || cursor.peek().is_some_and(|c| !c.is_whitespace()) {
                        return Err(cursor
                            .invalid("a term with other characters than letters, digits and _ needs quotation marks"));
                    }
                    term.to_owned()
                }
            };
            // `" "` is how the guide writes a pattern that matches everything.
            if !term.trim().is_empty() {
                list.push(term);
            }
        }
        Ok(terms)
    }

    /// Optional terms count only where nothing else is asked for, as in the service.
    pub(super) fn matches(&self, message: &str) -> bool {
        let holds = |term: &String| message.contains(term.as_str());
        if self.all.is_empty() && self.none.is_empty() {
            return self.any.is_empty() || self.any.iter().any(holds);
        }
        self.all.iter().all(holds) && !self.none.iter().any(holds)
    }
}
