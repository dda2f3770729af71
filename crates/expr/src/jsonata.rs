//! JSONata expressions that give one JSON value, for functions that are an expression (JSONata 2.1).
//!
//! Values are those of JavaScript: numbers are 64-bit floats, so digits beyond them are lost. `$eval` is off. The library's own
//! messages quote values; only their codes go on.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use jsonata_core::evaluator::{Context, Evaluator, EvaluatorError, EvaluatorOptions};
use jsonata_core::parser;
use jsonata_core::value::JValue;

use crate::Error;
use crate::scan::Scanner;

const EXPRESSION_BYTES_MAX: usize = 5120;
/// Brackets open at once in an input.
const DEPTH_MAX: usize = 100;
/// Calls within calls.
const STACK_MAX: usize = 1000;
/// Values in one sequence.
const SEQUENCE_MAX: usize = 1_000_000;

/// An expression that was understood.
#[derive(Clone, Debug)]
pub struct Jsonata(String);

impl Jsonata {
    /// Checks an expression.
    ///
    /// # Errors
    /// [`Error::Jsonata`] with the code of what is wrong.
    pub fn parse(text: &str) -> Result<Jsonata, Error> {
        if text.len() > EXPRESSION_BYTES_MAX {
            return Err(failed("longer than 5120 bytes"));
        }
        guarded(|| {
            parser::parse(text).map(drop).map_err(|error| failed(code(&error.to_string()).unwrap_or("syntax error")))
        })?;
        Ok(Jsonata(text.to_owned()))
    }

    /// The JSON text of the expression's value for an input; `null` where it has none. Ends after `time` at the latest.
    ///
    /// # Errors
    /// [`Error::Json`] when the input is not JSON; [`Error::Jsonata`] with the code of what went wrong.
    pub fn apply(&self, input: &[u8], time: Duration) -> Result<Vec<u8>, Error> {
        let mut scanner = Scanner::from_bytes(input)?;
        let (_, depth) = scanner.skip_measured()?;
        scanner.end()?;
        if depth > DEPTH_MAX {
            return Err(failed("the input is nested too deeply"));
        }
        // Not read directly: the library does not know numbers as this workspace reads them.
        let input: serde_json::Value = serde_json::from_slice(input).map_err(|_| Error::Json { at: 0 })?;
        guarded(|| self.evaluate(input, time))
    }

    /// Values are not shared between threads, so none outlives this call.
    fn evaluate(&self, input: serde_json::Value, time: Duration) -> Result<Vec<u8>, Error> {
        let ast = parser::parse(&self.0).map_err(|_| failed("syntax error"))?;
        let options = EvaluatorOptions {
            timeout_ms: Some(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)),
            cancel: None,
            max_stack_depth: Some(STACK_MAX),
            max_sequence_length: Some(SEQUENCE_MAX),
        };
        let mut evaluator = Evaluator::with_options(Context::new(), options);
        let refuse = |_: &[JValue]| Err(EvaluatorError::EvaluationError("D3121: off".into()));
        evaluator.register_fn_override("eval", refuse).map_err(|_| failed("$eval cannot be turned off"))?;
        let value = evaluator.evaluate(&ast, &JValue::from(input));
        let value = value.map_err(|error| failed(error.code().unwrap_or("evaluation failed")))?;
        value.to_json_string().map(String::into_bytes).map_err(|_| failed("the value is not JSON"))
    }
}

/// Runs the library, which may have a fault of its own.
fn guarded<T>(run: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| Err(failed("the evaluator failed")))
}

fn failed(code: &str) -> Error {
    Error::Jsonata { code: code.to_owned() }
}

/// The code a message begins with, as `S0201`.
fn code(message: &str) -> Option<&str> {
    let (code, _) = message.split_once(':')?;
    let is_code = code.len() == 5 && code.starts_with(|c: char| c.is_ascii_uppercase());
    (is_code && code.bytes().skip(1).all(|b| b.is_ascii_digit())).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: Duration = Duration::from_secs(5);

    fn apply(expression: &str, input: &str) -> Result<String, Error> {
        let value = Jsonata::parse(expression)?.apply(input.as_bytes(), TIME)?;
        Ok(String::from_utf8(value).unwrap())
    }

    #[test]
    fn gives_any_one_value() {
        for (expression, input, expected) in [
            ("$sum(o.(p * q))", r#"{"o":[{"p":2.5,"q":2},{"p":1,"q":3}]}"#, "8"),
            (r#"[$.{"id": id, "n": n + 1}]"#, r#"[{"id":"a","n":1}]"#, r#"[{"id":"a","n":2}]"#),
            ("missing", "{}", "null"),
            ("$", r#"{"a":[1.5,-2,"x\n",true,null]}"#, r#"{"a":[1.5,-2,"x\n",true,null]}"#),
            (r#"$uppercase(name) & "!""#, r#"{"name":"é"}"#, "\"É!\""),
        ] {
            assert_eq!(apply(expression, input).unwrap(), expected, "{expression}");
        }
    }

    #[test]
    fn errors_are_codes_without_content() {
        for (expression, input) in [
            ("a * 2", r#"{"a":"secret"}"#),
            ("$eval('1')", "{}"),
            ("($f := $eval; $f('1'))", "{}"),
            ("$error('secret')", "{}"),
        ] {
            let error = apply(expression, input).unwrap_err();
            assert!(matches!(&error, Error::Jsonata { .. }) && !error.to_string().contains("secret"), "{error}");
        }
        assert!(matches!(apply("$", "no"), Err(Error::Json { .. })));
        for expression in ["(", "a[", "1 +", &"x".repeat(EXPRESSION_BYTES_MAX + 1)] {
            assert!(Jsonata::parse(expression).is_err(), "{expression}");
        }
    }

    #[test]
    fn what_would_not_end_is_ended() {
        let time = Duration::from_millis(200);
        for expression in
            ["($f := function($n){$f($n + 1)}; $f(0))", "($f := function($n){1 + $f($n + 1)}; $f(0))", "[1..2000000]"]
        {
            let ended = Jsonata::parse(expression).unwrap().apply(b"{}", time);
            assert!(matches!(ended, Err(Error::Jsonata { .. })), "{expression}");
        }
    }
}
