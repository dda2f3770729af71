//! jq queries that give one JSON value, for functions that are an expression.

use jaq_core::compile::Filter;
use jaq_core::data::JustLut;
use jaq_core::{Ctx, Native, Vars, unwrap_valr};
use jaq_json::Val;

use super::{MAX_DEPTH, compile, guard};
use crate::Error;
use crate::scan::Scanner;

/// A compiled query that turns one JSON text into another. The same queries are refused as by [`crate::Jq`].
pub struct Transform(Box<Filter<Native<JustLut<Val>>>>);

impl Transform {
    /// Compiles a query.
    ///
    /// # Errors
    /// [`Error::Query`] when jq would refuse it, or it uses what could run without end: definitions, loops, inputs.
    pub fn parse(text: &str) -> Result<Transform, Error> {
        guard::check(text)?;
        Ok(Transform(Box::new(compile(text)?)))
    }

    /// The JSON text of the query's one value.
    ///
    /// # Errors
    /// [`Error::Json`] when the input is not JSON; [`Error::Evaluation`] when the query fails or gives no value or several.
    pub fn apply(&self, input: &[u8]) -> Result<Vec<u8>, Error> {
        let mut scanner = Scanner::from_bytes(input)?;
        let (_, depth) = scanner.skip_measured()?;
        scanner.end()?;
        if depth > MAX_DEPTH {
            return Err(Error::Evaluation { reason: "input is nested too deeply" });
        }
        let input = jaq_json::read::parse_single(input).map_err(|_| Error::Json { at: 0 })?;
        let context = Ctx::<JustLut<Val>>::new(&self.0.lut, Vars::new([]));
        let mut outputs = self.0.id.run((context, input)).map(unwrap_valr);
        match (outputs.next(), outputs.next()) {
            (Some(Ok(output)), None) => Ok(output.to_string().into_bytes()),
            (Some(Err(_)), _) => Err(Error::Evaluation { reason: "a step does not apply to its value" }),
            (Some(Ok(_)), Some(_)) => Err(Error::Evaluation { reason: "more than one output" }),
            (None, _) => Err(Error::Evaluation { reason: "no output" }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_any_one_value() {
        let apply = |query: &str, input: &str| {
            Transform::parse(query).unwrap().apply(input.as_bytes()).map(|value| String::from_utf8(value).unwrap())
        };
        assert_eq!(apply("[.[] | {id, n: (.n + 1)}]", r#"[{"id":"a","n":1}]"#).unwrap(), r#"[{"id":"a","n":2}]"#);
        assert_eq!(apply(".x", r#"{"x":"\u00e9\n"}"#).unwrap(), "\"é\\n\"");
        assert_eq!(apply(".", "null").unwrap(), "null");
        assert!(apply(".[]", "[1,2]").is_err());
        assert!(apply("empty", "{}").is_err());
        assert!(apply(".a.b", r#"{"a":1}"#).is_err());
        assert!(Transform::parse("range(1)").is_err());
    }
}
