//! The names and values that the expressions of one request share, and which of them were used.

use std::collections::{BTreeMap, BTreeSet};

use super::Kind;
use super::reserved::is_reserved;
use super::token::is_word;
use crate::Error;
use crate::item::AttributeValue;

/// `ExpressionAttributeNames`: attribute names by `#placeholder`.
pub type Names = BTreeMap<String, String>;
/// `ExpressionAttributeValues`: values by `:placeholder`.
pub type Values = BTreeMap<String, AttributeValue>;

/// What `#names` and `:values` stand for in a request.
#[derive(Debug, Default)]
pub struct Context {
    names: Names,
    values: Values,
    used_names: BTreeSet<String>,
    used_values: BTreeSet<String>,
}

impl Context {
    /// # Errors
    /// `Validation` when a map is given but empty, or a placeholder is not one.
    pub fn new(names: Option<Names>, values: Option<Values>) -> Result<Context, Error> {
        check_keys("ExpressionAttributeNames", '#', names.as_ref().map(|map| map.keys()))?;
        check_keys("ExpressionAttributeValues", ':', values.as_ref().map(|map| map.keys()))?;
        Ok(Context { names: names.unwrap_or_default(), values: values.unwrap_or_default(), ..Context::default() })
    }

    /// As [`Context::new`], for the parameters of one request: its expressions that take values, each with whether it is given,
    /// and whether there is a projection.
    ///
    /// # Errors
    /// `Validation` also for names or values without an expression to use them.
    pub fn of_request(
        names: Option<Names>,
        values: Option<Values>,
        expressions: &[(&str, bool)],
        is_projected: bool,
    ) -> Result<Context, Error> {
        let used = expressions.iter().any(|(_, given)| *given);
        if names.is_some() && !used && !is_projected {
            return Err(Error::validation("ExpressionAttributeNames can only be specified when using expressions"));
        }
        if values.is_some() && !used {
            let missing = expressions.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(" and ");
            let verb = if expressions.len() == 1 { "is" } else { "are" };
            return Err(Error::Validation(format!(
                "ExpressionAttributeValues can only be specified when using expressions: {missing} {verb} null"
            )));
        }
        Context::new(names, values)
    }

    /// Checks that every name and value was used; call it after parsing all expressions of the request.
    ///
    /// # Errors
    /// `Validation` naming the unused placeholders.
    pub fn finish(&self) -> Result<(), Error> {
        check_used("ExpressionAttributeNames", self.names.keys().filter(|key| !self.used_names.contains(*key)))?;
        check_used("ExpressionAttributeValues", self.values.keys().filter(|key| !self.used_values.contains(*key)))
    }

    /// What a name in an expression stands for: itself, or the content of its `#placeholder`.
    pub(super) fn name(&mut self, kind: Kind, word: &str) -> Result<String, Error> {
        if !word.starts_with('#') {
            if is_reserved(word) {
                return Err(
                    kind.invalid(format_args!("Attribute name is a reserved keyword; reserved keyword: {word}"))
                );
            }
            return Ok(word.to_owned());
        }
        let name = self.names.get(word).ok_or_else(|| {
            kind.invalid(format_args!(
                "An expression attribute name used in the document path is not defined; attribute name: {word}"
            ))
        })?;
        self.used_names.insert(word.to_owned());
        Ok(name.clone())
    }

    /// The value a `:placeholder` stands for.
    pub(super) fn value(&mut self, kind: Kind, word: &str) -> Result<AttributeValue, Error> {
        let value = self.values.get(word).ok_or_else(|| {
            kind.invalid(format_args!(
                "An expression attribute value used in expression is not defined; attribute value: {word}"
            ))
        })?;
        self.used_values.insert(word.to_owned());
        Ok(value.clone())
    }
}

fn check_keys<'a>(
    map: &str,
    prefix: char,
    keys: Option<impl ExactSizeIterator<Item = &'a String>>,
) -> Result<(), Error> {
    let Some(mut keys) = keys else { return Ok(()) };
    if keys.len() == 0 {
        return Err(Error::Validation(format!("{map} must not be empty")));
    }
    match keys.find(|key| !key.strip_prefix(prefix).is_some_and(is_word)) {
        Some(key) => Err(Error::Validation(format!("{map} contains invalid key: Syntax error; key: \"{key}\""))),
        None => Ok(()),
    }
}

fn check_used<'a>(map: &str, unused: impl Iterator<Item = &'a String>) -> Result<(), Error> {
    let keys: Vec<&str> = unused.map(String::as_str).collect();
    if keys.is_empty() {
        return Ok(());
    }
    Err(Error::Validation(format!("Value provided in {map} unused in expressions: keys: {{{}}}", keys.join(", "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_checked() {
        let check = |names: &[&str], values: &[&str], expected: &str| {
            let names = names.iter().map(|key| ((*key).to_owned(), "x".to_owned())).collect();
            let values = values.iter().map(|key| ((*key).to_owned(), AttributeValue::Null)).collect();
            let result = Context::new(Some(names), Some(values)).and_then(|context| context.finish());
            assert_eq!(result.unwrap_err().to_string(), expected);
        };
        check(&[], &[":v"], "ExpressionAttributeNames must not be empty");
        check(&["#n"], &[], "ExpressionAttributeValues must not be empty");
        check(&["n"], &[":v"], "ExpressionAttributeNames contains invalid key: Syntax error; key: \"n\"");
        check(&["#n"], &[":"], "ExpressionAttributeValues contains invalid key: Syntax error; key: \":\"");
        check(
            &["#a", "#b"],
            &[":v"],
            "Value provided in ExpressionAttributeNames unused in expressions: keys: {#a, #b}",
        );
        assert!(Context::new(None, None).and_then(|context| context.finish()).is_ok());
    }
}
