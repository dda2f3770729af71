//! SQL as it is put together: text with numbered parameters, and their values.

use state::Value;

/// A parameter's value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Bound {
    Int(i64),
    Text(String),
}

impl From<i64> for Bound {
    fn from(value: i64) -> Self {
        Bound::Int(value)
    }
}

impl From<&str> for Bound {
    fn from(value: &str) -> Self {
        Bound::Text(value.to_owned())
    }
}

/// The parameters of a statement that is being written.
#[derive(Default)]
pub(crate) struct Sql {
    bound: Vec<Bound>,
}

impl Sql {
    /// Adds a value and answers its place: `?3`.
    pub fn bind(&mut self, value: impl Into<Bound>) -> String {
        self.bound.push(value.into());
        format!("?{}", self.bound.len())
    }

    /// What a statement is run with.
    pub fn params(&self) -> Vec<Value<'_>> {
        let value = |bound: &'_ Bound| match bound {
            Bound::Int(number) => Value::Int(*number),
            Bound::Text(_) => Value::Null,
        };
        let mut values: Vec<Value<'_>> = self.bound.iter().map(value).collect();
        for (value, bound) in values.iter_mut().zip(&self.bound) {
            if let Bound::Text(text) = bound {
                *value = Value::Text(text);
            }
        }
        values
    }
}
