//! Patterns for JSON events: `{ $.user.id = 1 && ($.names[0] = "A*" || $.error NOT EXISTS) }`.

use serde_json::Value;

use super::comparison::Comparison;
use super::cursor::Cursor;
use super::expression::Expression;
use crate::Error;

/// In one pattern, as the service has it; a selector has one at most.
const WILDCARDS_MAX: usize = 3;

#[derive(Debug)]
pub(crate) struct Json(Expression<Condition>);

#[derive(Debug)]
struct Condition {
    selector: Vec<Step>,
    test: Test,
}

#[derive(Debug, PartialEq, Eq)]
enum Step {
    Member(String),
    Element(usize),
    /// Every element, or every member.
    Each,
}

#[derive(Debug)]
enum Test {
    Compares(Comparison),
    Is(Value),
    NotExists,
}

impl Json {
    pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Json, Error> {
        cursor.expect("{")?;
        let mut wildcards = 0;
        let expression = Expression::parse(cursor, &mut |cursor| {
            let selector = selector(cursor)?;
            let each = selector.iter().filter(|step| **step == Step::Each).count();
            wildcards += each;
            if each > 1 || wildcards > WILDCARDS_MAX {
                let why = format!("a selector can have one wildcard, a pattern {WILDCARDS_MAX}");
                return Err(cursor.invalid(&why));
            }
            Ok(Condition { selector, test: test(cursor)? })
        })?;
        cursor.expect("}")?;
        Ok(Json(expression))
    }

    /// A message that is no JSON object or array matches nothing.
    pub(super) fn matches(&self, message: &str) -> bool {
        let is_json = message.trim_start().starts_with(['{', '[']);
        let event = is_json.then(|| serde_json::from_str::<Value>(message).ok()).flatten();
        event.is_some_and(|event| self.0.holds(&|condition| condition.holds(&event)))
    }
}

impl Condition {
    fn holds(&self, event: &Value) -> bool {
        let found = select(event, &self.selector);
        match &self.test {
            Test::NotExists => found.is_empty(),
            Test::Is(wanted) => found.contains(&wanted),
            Test::Compares(comparison) => found.iter().any(|value| match value {
                Value::String(text) => comparison.holds(text),
                Value::Number(_) | Value::Bool(_) => comparison.holds(&value.to_string()),
                // A selector of something else than a value fits no comparison, not even `!=`.
                Value::Null | Value::Array(_) | Value::Object(_) => false,
            }),
        }
    }
}

fn select<'v>(event: &'v Value, selector: &[Step]) -> Vec<&'v Value> {
    let mut found = vec![event];
    for step in selector {
        found = match step {
            Step::Member(name) => found.into_iter().filter_map(|value| value.get(name)).collect(),
            Step::Element(index) => found.into_iter().filter_map(|value| value.get(index)).collect(),
            Step::Each => found.into_iter().flat_map(children).collect(),
        };
    }
    found
}

fn children(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(elements) => elements.iter().collect(),
        Value::Object(members) => members.values().collect(),
        _ => Vec::new(),
    }
}

fn selector(cursor: &mut Cursor<'_>) -> Result<Vec<Step>, Error> {
    if !cursor.take("$") {
        return Err(cursor.invalid("a selector begins with $"));
    }
    let mut steps = Vec::new();
    loop {
        let dot = cursor.take(".");
        if cursor.take("[") {
            steps.push(bracketed(cursor)?);
            cursor.expect("]")?;
        } else if dot && cursor.take("*") {
            steps.push(Step::Each);
        } else if dot {
            let name = cursor.take_while(|c| c.is_alphanumeric() || c == '-' || c == '_');
            if name.is_empty() {
                return Err(cursor.invalid("a property is missing, or needs brackets: $.['a.b']"));
            }
            steps.push(Step::Member(name.to_owned()));
        } else if steps.is_empty() {
            return Err(cursor.invalid("a selector needs a property"));
        } else {
            return Ok(steps);
        }
    }
}

fn bracketed(cursor: &mut Cursor<'_>) -> Result<Step, Error> {
    cursor.skip_space();
    match cursor.peek() {
        Some('\'' | '"') => cursor.quoted().map(Step::Member),
        Some('*') => {
            cursor.read();
            Ok(Step::Each)
        }
        _ => {
            let index = cursor.take_while(|c| c.is_ascii_digit()).parse();
            index.map(Step::Element).map_err(|_| cursor.invalid("an index, a quoted property or * is missing"))
        }
    }
}

fn test(cursor: &mut Cursor<'_>) -> Result<Test, Error> {
    let before = cursor.peek();
    cursor.skip_space();
    if !cursor.peek().is_some_and(char::is_alphabetic) || !before.is_some_and(char::is_whitespace) {
        return Comparison::parse(cursor).map(Test::Compares);
    }
    let first = cursor.take_while(char::is_alphabetic);
    cursor.skip_space();
    match (first, cursor.take_while(char::is_alphabetic)) {
        ("IS", "NULL") => Ok(Test::Is(Value::Null)),
        ("IS", "TRUE") => Ok(Test::Is(Value::Bool(true))),
        ("IS", "FALSE") => Ok(Test::Is(Value::Bool(false))),
        ("NOT", "EXISTS") => Ok(Test::NotExists),
        ("EXISTS", _) => Err(cursor.invalid("EXISTS is not supported; `= *` matches any value")),
        _ => Err(cursor.invalid("IS NULL, IS TRUE, IS FALSE, NOT EXISTS or a comparison is missing")),
    }
}
