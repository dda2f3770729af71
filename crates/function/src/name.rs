//! How callers name functions: a name, a partial ARN or a full ARN, each perhaps with a qualifier.

use event::Arn;

use crate::{Error, Functions};

/// The unpublished version.
pub const LATEST: &str = "$LATEST";

const NAME_CHARS_MAX: usize = 64;
const QUALIFIER_CHARS_MAX: usize = 128;

/// A function as a caller names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    pub name: String,
    /// A version, an alias, or `$LATEST`.
    pub qualifier: Option<String>,
}

impl Functions {
    /// Reads `NAME`, `NAME:QUALIFIER`, `ACCOUNT:function:NAME` or an ARN; a separate qualifier must not contradict it.
    ///
    /// # Errors
    /// `Constraint` for what is no name, `Invalid` for two qualifiers, `NotFound` for another region or account.
    pub fn reference(&self, text: &str, qualifier: Option<&str>) -> Result<Reference, Error> {
        let settings = &self.inner.settings;
        let rest = match text.parse::<Arn>() {
            Ok(arn) if arn.service == "lambda" => {
                if arn.region != settings.region {
                    return Err(Error::NotFound(format!(
                        "Functions from '{}' are not reachable in this region ('{}')",
                        arn.region, settings.region
                    )));
                }
                if arn.account != settings.account {
                    return Err(Error::NotFound(format!("Function not found: {text}")));
                }
                arn.resource.strip_prefix("function:").map(str::to_owned).ok_or_else(|| malformed(text))?
            }
            Ok(_) => return Err(malformed(text)),
            Err(_) => match text.split_once(":function:") {
                Some((account, rest)) if account == settings.account => rest.to_owned(),
                Some(_) => return Err(Error::NotFound(format!("Function not found: {text}"))),
                None => text.strip_prefix("function:").unwrap_or(text).to_owned(),
            },
        };
        let (name, own) = rest.split_once(':').map_or((rest.as_str(), None), |(name, own)| (name, Some(own)));
        check_name(name)?;
        let qualifier = match (own, qualifier.filter(|qualifier| !qualifier.is_empty())) {
            (Some(own), Some(given)) if own != given => {
                return Err(Error::Invalid(
                    "The derived qualifier from the function name does not match the specified qualifier.".into(),
                ));
            }
            (own, given) => own.or(given).map(str::to_owned),
        };
        if let Some(qualifier) = &qualifier {
            check_qualifier(qualifier)?;
        }
        Ok(Reference { name: name.to_owned(), qualifier })
    }

    /// The ARN of a function, or of one of its versions or aliases.
    pub fn arn(&self, name: &str, qualifier: Option<&str>) -> String {
        let resource = match qualifier {
            None => format!("function:{name}"),
            Some(qualifier) => format!("function:{name}:{qualifier}"),
        };
        Arn::new("lambda", &self.inner.settings.region, &self.inner.settings.account, resource).to_string()
    }

    pub(crate) fn not_found(&self, name: &str, qualifier: Option<&str>) -> Error {
        Error::NotFound(format!("Function not found: {}", self.arn(name, qualifier)))
    }
}

fn malformed(text: &str) -> Error {
    Error::constraint(
        "functionName",
        text,
        "Member must satisfy regular expression pattern: (arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:)?(\\d{12}:)?(function:)?([a-zA-Z0-9-_]+)(:(\\$LATEST|[a-zA-Z0-9-_]+))?",
    )
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

fn check_name(name: &str) -> Result<(), Error> {
    if !is_word(name) {
        return Err(malformed(name));
    }
    match name.len() > NAME_CHARS_MAX {
        true => Err(Error::constraint("functionName", name, "Member must have length less than or equal to 64")),
        false => Ok(()),
    }
}

fn check_qualifier(qualifier: &str) -> Result<(), Error> {
    match qualifier.len() <= QUALIFIER_CHARS_MAX && (is_word(qualifier) || qualifier == LATEST) {
        true => Ok(()),
        false => Err(Error::constraint(
            "qualifier",
            qualifier,
            "Member must satisfy regular expression pattern: \\$(LATEST(\\.PUBLISHED)?)|[a-zA-Z0-9-_$]+",
        )),
    }
}

/// An alias: a word that is no version number.
pub(crate) fn check_alias(name: &str) -> Result<(), Error> {
    let is_number = name.bytes().all(|b| b.is_ascii_digit());
    match name.len() <= QUALIFIER_CHARS_MAX && is_word(name) && !is_number {
        true => Ok(()),
        false => Err(Error::constraint(
            "name",
            name,
            "Member must satisfy regular expression pattern: (?!^[0-9]+$)([a-zA-Z0-9-_]+)",
        )),
    }
}
