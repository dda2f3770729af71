//! A target's parameter: text as it stands, or a path into the event, as `$.detail.state` (EventBridge Pipes user guide,
//! "Dynamic path parameters"). The whole text is a path or none of it is.

use std::borrow::Cow;

use crate::{Error, Path};

/// A parameter that is text, or is found in each event anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parameter {
    Text(String),
    Path(Path),
}

impl Parameter {
    /// Reads a parameter: what begins with `$.` or `$[` is a path.
    ///
    /// # Errors
    /// [`Error::Path`] when such a path cannot be understood.
    pub fn parse(text: &str) -> Result<Parameter, Error> {
        if text.starts_with("$.") || text.starts_with("$[") {
            return Path::parse(text).map(Parameter::Path);
        }
        Ok(Parameter::Text(text.to_owned()))
    }

    /// Whether it depends on the event.
    pub fn is_dynamic(&self) -> bool {
        matches!(self, Parameter::Path(_))
    }

    /// Its value for an event: strings bare, everything else as JSON; `None` where the event has nothing, or null.
    ///
    /// # Errors
    /// [`Error::Json`] when the event is not JSON as far as it had to be read.
    pub fn of<'a>(&'a self, event: &'a [u8]) -> Result<Option<Cow<'a, str>>, Error> {
        match self {
            Parameter::Text(text) => Ok(Some(Cow::Borrowed(text))),
            Parameter::Path(path) => match path.json(event)? {
                Some(json) if json == "null" => Ok(None),
                Some(_) => path.text(event),
                None => Ok(None),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_text_or_found_in_the_event() {
        let event = br#"{"id":"a\"b","n":1.50,"o":{"x":[1]},"gone":null}"#;
        for (text, expected) in [
            ("plain", Some("plain")),
            ("$", Some("$")),
            ("$5", Some("$5")),
            ("", Some("")),
            ("$.id", Some("a\"b")),
            ("$.n", Some("1.50")),
            ("$.o", Some(r#"{"x":[1]}"#)),
            ("$.gone", None),
            ("$.missing", None),
        ] {
            let parameter = Parameter::parse(text).unwrap();
            assert_eq!(parameter.of(event).unwrap().as_deref(), expected, "{text}");
            assert_eq!(parameter.is_dynamic(), text.starts_with("$."), "{text}");
        }
        for text in ["$..a", "$.a b", "$[?(@.a)]", "$.detail and more"] {
            assert!(Parameter::parse(text).is_err(), "{text}");
        }
        assert!(Parameter::parse("$.a").unwrap().of(b"not JSON").is_err());
    }
}
