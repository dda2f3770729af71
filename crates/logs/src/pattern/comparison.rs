//! One comparison of a value with text, a number or a regular expression: `= 4*`, `!= "a b"`, `>= 1e3`, `= %a|b%`.

use std::cmp::Ordering;

use super::cursor::Cursor;
use crate::Error;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug)]
enum Operand {
    /// The pieces between asterisks, which stand for anything.
    Text(Vec<String>),
    Number(Number),
    Regex(regex::Regex),
}

#[derive(Debug)]
pub(super) struct Comparison {
    operator: Operator,
    operand: Operand,
}

impl Comparison {
    pub fn parse(cursor: &mut Cursor<'_>) -> Result<Comparison, Error> {
        const OPERATORS: [(&str, Operator); 6] = [
            ("!=", Operator::NotEqual),
            ("<=", Operator::LessOrEqual),
            (">=", Operator::GreaterOrEqual),
            ("=", Operator::Equal),
            ("<", Operator::Less),
            (">", Operator::Greater),
        ];
        let operator = OPERATORS.into_iter().find(|(sign, _)| cursor.take_spaced(sign)).map(|(_, operator)| operator);
        let operator = operator.ok_or_else(|| cursor.invalid("one of = != < <= > >= is missing"))?;
        cursor.skip_space();
        let operand = match cursor.peek() {
            Some('"') => pieces(&cursor.quoted()?),
            Some('%') => Operand::Regex(cursor.regex()?),
            _ => {
                let word = cursor.take_while(|c| c.is_alphanumeric() || "_*.+-:/".contains(c));
                if word.is_empty() {
                    return Err(cursor.invalid("a value is missing, or needs quotation marks"));
                }
                Number::parse(word).map_or_else(|| pieces(word), Operand::Number)
            }
        };
        let is_ordered = !matches!(operator, Operator::Equal | Operator::NotEqual);
        if is_ordered && !matches!(operand, Operand::Number(_)) {
            return Err(cursor.invalid("only numbers can be less or greater"));
        }
        Ok(Comparison { operator, operand })
    }

    pub fn holds(&self, value: &str) -> bool {
        let is_equal = match &self.operand {
            Operand::Text(pieces) => is_match(pieces, value),
            Operand::Regex(regex) => regex.is_match(value),
            Operand::Number(number) => {
                let order = Number::parse(value).and_then(|value| value.order(number));
                match self.operator {
                    Operator::Less => return order == Some(Ordering::Less),
                    Operator::LessOrEqual => return order.is_some_and(Ordering::is_le),
                    Operator::Greater => return order == Some(Ordering::Greater),
                    Operator::GreaterOrEqual => return order.is_some_and(Ordering::is_ge),
                    Operator::Equal | Operator::NotEqual => order == Some(Ordering::Equal),
                }
            }
        };
        is_equal == (self.operator == Operator::Equal)
    }
}

fn pieces(text: &str) -> Operand {
    Operand::Text(text.split('*').map(str::to_owned).collect())
}

fn is_match(pieces: &[String], value: &str) -> bool {
    let [first, between @ .., last] = pieces else {
        return pieces.first().is_some_and(|only| only == value);
    };
    let Some(mut rest) = value.strip_prefix(first.as_str()).and_then(|rest| rest.strip_suffix(last.as_str())) else {
        return false;
    };
    for piece in between {
        match rest.split_once(piece.as_str()) {
            None => return false,
            Some((_, behind)) => rest = behind,
        }
    }
    true
}

/// Whole numbers are compared exactly, others as 64-bit floats.
#[derive(Debug)]
struct Number {
    whole: Option<i128>,
    float: f64,
}

impl Number {
    /// Digits with an optional sign, fraction and exponent: no words such as `inf`.
    fn parse(text: &str) -> Option<Number> {
        let is_number = text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c))
            && text.chars().all(|c| c.is_ascii_digit() || "+-.eE".contains(c));
        let float = text.parse().ok().filter(|_| is_number)?;
        Some(Number { whole: text.parse().ok(), float })
    }

    fn order(&self, other: &Number) -> Option<Ordering> {
        match (self.whole, other.whole) {
            (Some(one), Some(other)) => Some(one.cmp(&other)),
            _ => self.float.partial_cmp(&other.float),
        }
    }
}
